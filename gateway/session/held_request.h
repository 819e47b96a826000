#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/base/clock.h"
#include "gateway/net/exchange.h"
#include "gateway/route/route.h"
#include "gateway/session/cross_origin.h"
#include "gateway/session/forward.h"

namespace holdfast {

// A client's request with what was judged about it: enough to ask the backend again. A hold keeps it only if it may need to.
struct HeldRequest {
  std::shared_ptr<const RouteTable> table;  // keeps `route` alive over a reload
  const Route* route = nullptr;
  RequestHead head;
  BodyFraming framing;
  std::string body;        // what was read of it, up to kMaxInstructBody
  bool body_whole = true;  // false: more was read than is kept
  RequestFacts facts;
  PeerInfo peer;
  Headers cors;  // what CORS looks at
  std::optional<JsonpRequest> jsonp;
  WallTime began;            // when the present request to the backend was started
  bool asked_again = false;  // this is at least the second time for this hold
};

// Requests and replies that take part in holds are kept in memory up to this size, as Pushpin does.
inline constexpr size_t kMaxInstructBody = 100000;

}  // namespace holdfast
