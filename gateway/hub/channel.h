#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/hub/hub.h"
#include "gateway/hub/sequencer.h"

namespace holdfast {

// A listener that does not take live messages yet.
struct PendingListener {
  Subscription* subscription = nullptr;
  std::optional<Position> since;
};

// One reading of history on behalf of all listeners that ask from the same position: after a restart of a node most do.
struct CatchUp {
  uint64_t id = 0;
  Position since;       // unknown: only the channel's top is wanted
  Position reach;       // where the channel stood when the reading began: a page that ends before has a hole behind it
  bool again = false;   // read a second time
  bool stuck = false;   // the broker is away; read again when it is back
  bool waited = false;  // for this loop to come as far as `since`
  std::optional<Result<HistoryPage>> page;
};

// A message as it came from the broker, kept while somebody catches up.
struct RecentMessage {
  std::shared_ptr<const Item> item;  // null: garbage
  PublicationPtr publication;
};

// A timer that knows its channel: half the size of one with a function.
class ChannelTimer final : public Timer {
 public:
  using Call = void (*)(HubChannel&);
  ChannelTimer(HubChannel& channel, Call call) : channel_(channel), call_(call) {}

 private:
  void on_timer() override { call_(channel_); }
  HubChannel& channel_;
  Call call_;
};

// What a channel needs only at times: while it joins, catches up, waits or lingers.
struct HubChannelExtra {
  // Joining or suspect: what came meanwhile, in order. Null: the broker's word that something may be missing.
  std::deque<PublicationPtr> buffer;
  bool buffer_lost = false;  // it was full: its front is missing
  std::vector<CatchUp> catch_ups;
  std::vector<RecentMessage> recent;  // everything accepted since the oldest of catch_ups began
  std::unique_ptr<ChannelTimer> reorder;
  std::unique_ptr<ChannelTimer> first_notice;
  std::unique_ptr<ChannelTimer> linger;
  uint64_t fill = 0;        // id of the reading that repairs a broken chain
  bool fill_stuck = false;  // the broker is away; repaired when it is back
  int fills = 0;            // how many such readings in a row did not
};

// One channel on one loop.
//
//   joining --confirmed, top known--> live --chain broken--> suspect --filled, or told--> live
struct HubChannel {
  enum class Phase : uint8_t { joining, live, suspect };

  HubChannel(HubShard& on, std::string text, uint64_t number) : shard(on), name(std::move(text)), serial(number) {}

  HubChannelExtra& more() {
    if (!extra) extra = std::make_unique<HubChannelExtra>();
    return *extra;
  }
  // Where somebody stands who has been sent everything that was sent so far, and gets what waits when it is sent.
  Position safe_top() const { return sequence.waits() ? sequence.before_waiting() : last; }

  HubShard& shard;
  const std::string name;
  const uint64_t serial;  // tells this channel from a later one of the same name
  Phase phase = Phase::joining;
  bool confirmed = false;
  bool settle_queued = false;
  bool holes = false;               // `live` has nulls
  uint32_t walks = 0;               // loops over `live` under way: slots don't move and the channel is not destroyed
  uint32_t listeners = 0;           // live and pending
  std::vector<Subscription*> live;  // takes messages. Null: went during a walk
  std::vector<PendingListener> pending;
  Position last;          // newest that came from the broker
  WallTime live_since{};  // from here on this loop saw everything
  WallTime last_time{};   // when the newest message came here
  TimePoint keep_until{};
  Sequencer sequence;
  std::unique_ptr<HubChannelExtra> extra;
};

}  // namespace holdfast
