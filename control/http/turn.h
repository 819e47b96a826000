#pragma once

#include <atomic>
#include <cstdint>

#include "control/http/connection.h"
#include "control/http/handler.h"

namespace holdfast::control {

struct TurnLimits {
  uint64_t head;      // bytes of request line and header block
  Duration patience;  // from now until the request has arrived
  const std::atomic<bool>& stopping;
};

struct TurnEnd {
  bool again;                           // false: that was the last request, the connection is done
  std::shared_ptr<EventSource> events;  // the answer, of which nothing has been sent
};

// Reads one request from the connection, has it answered and sends the answer.
TurnEnd take_turn(Connection& connection, RequestHandler& handler, const TurnLimits& limits);

}  // namespace holdfast::control
