#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/message/item.h"
#include "gateway/message/position.h"

namespace holdfast::control {

// One thing that happened on a watched channel.
struct WatchEvent {
  enum class Kind {
    live,   // the watch has begun: nothing published from now on is missed; what was missed follows, up to where the channel stands
    item,   // published
    gap,    // something may be missing here; `reason` says why
    ended,  // the last: the node stops, or the reader was too slow (`reason`)
  };
  Kind kind = Kind::item;
  Position position;  // item: its own; live, gap: where the channel stands
  WallTime time;      // item: when it was published
  std::shared_ptr<const Item> item;
  std::string reason;
};

// A channel on its way to one reader: filled by a loop of the node, emptied by a door. Bounded: a reader that is too slow is told that it
// ended, and may ask again from where it stands. Order: as published. Threads: any.
class WatchFeed {
 public:
  static constexpr size_t kMostEvents = 10'000;
  static constexpr size_t kMostBytes = 8'000'000;
  // Why it ended.
  static constexpr std::string_view kTooSlow = "too slow";
  static constexpr std::string_view kExpired = "the credentials of its reader have ended";

  // `until`: when it ends by itself; none: never. Whoever fills it keeps the time.
  explicit WatchFeed(std::optional<WallTime> until = {}) : until_(until) {}
  std::optional<WallTime> until() const { return until_; }

  // The reader's. `ready` is called when something comes to an empty feed, on the thread that fills it; set before the watch begins.
  void on_ready(std::function<void()> ready) { ready_ = std::move(ready); }
  std::optional<WatchEvent> take();                // nullopt: nothing now
  std::optional<WatchEvent> wait(Duration up_to);  // nullopt: nothing came
  void close();                                    // nothing more is wanted

  // The node's. `closed` is called once, when the reader closes, on its thread; at once if it has.
  void on_close(std::function<void()> closed);
  bool push(WatchEvent event);  // false: nothing more is taken
  void end(std::string reason);

 private:
  std::optional<WatchEvent> take_locked();

  const std::optional<WallTime> until_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<WatchEvent> events_;
  size_t bytes_ = 0;
  bool ended_ = false;   // `ended` is in the queue, or was
  bool closed_ = false;  // by the reader
  std::function<void()> ready_, on_closed_;
};

}  // namespace holdfast::control
