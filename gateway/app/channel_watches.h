#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "control/watch_feed.h"
#include "gateway/base/timers.h"
#include "gateway/hub/hub.h"
#include "gateway/net/remote.h"

namespace holdfast {

// Channels that doors of the control side watch, as listeners of one loop. They count as nobody's connections. Threads: its loop.
class ChannelWatches {
 public:
  // `door`: into the loop.
  ChannelWatches(HubShard& hub, Timers& timers, std::shared_ptr<LoopDoor> door);
  ~ChannelWatches();  // tells every reader that it is over

  void add(const std::string& channel, std::optional<Position> since, std::shared_ptr<control::WatchFeed> feed);

 private:
  class One;
  void drop(const control::WatchFeed* feed);

  HubShard& hub_;
  Timers& timers_;
  std::shared_ptr<LoopDoor> door_;
  std::map<const control::WatchFeed*, std::unique_ptr<One>> all_;
  std::shared_ptr<ChannelWatches*> self_ = std::make_shared<ChannelWatches*>(this);  // null once it is gone
};

}  // namespace holdfast
