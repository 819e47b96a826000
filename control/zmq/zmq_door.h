#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/service.h"
#include "control/zmq/options.h"
#include "control/zmq/stats.h"
#include "gateway/base/metrics.h"
#include "gateway/base/result.h"
#include "gateway/message/item_json.h"

namespace holdfast::control {

// The publish door over ZeroMQ, for what was made for Pushpin: items come by PULL and SUB, commands by REP, stats go out by PUB.
// A pusher hears nothing back: what the broker refuses is logged and counted. While the broker is slow nothing is read, and pushers wait.
// Threads: one of its own; start and stop belong to one thread, the rest is called from any. The service must outlive stop().
class ZmqDoor {
 public:
  ZmqDoor(ZmqOptions options, Service& service, ItemLimits limits, Metrics& metrics);
  ~ZmqDoor();

  // Errors: an address that is wrong, open to others, or cannot be had.
  Result<void> start(SocketGuests guests = SocketGuests::loopback);
  // Twice is harmless.
  void stop();
  // As bound, with what each is for: "tcp://127.0.0.1:5560 (pull)".
  const std::vector<std::string>& addresses() const;

  // NodeFacts::listened(channel) may have changed.
  void interest_changed(const std::string& channel);
  // Null: no stats are wanted.
  StatsBook* stats();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::control
