#include "gateway/session/websocket/ws_request.h"

#include <algorithm>

#include "gateway/grip/ws_control.h"

namespace holdfast {

RequestHead websocket_request_head(Gateway& gateway, const HeldRequest& request, const Target& target) {
  const Route& route = *request.route;
  RequestHead head =
      forward_head(gateway.rules(), route, target, gateway.route_key(route), request.head, request.facts, request.peer, gateway.wall());
  // Frames are read and written anew, so the client's extensions are its own; but a trusted GRIP proxy in front says what it can do.
  const bool offered = parse_grip_extension(request.head.headers.all("Sec-WebSocket-Extensions")).on;
  head.headers.remove("Sec-WebSocket-Extensions");
  if (request.facts.trusted ? offered : !route.no_grip) head.headers.add("Sec-WebSocket-Extensions", "grip");
  return head;
}

bool origin_allowed(const Route& route, const RequestHead& head) {
  if (route.origins.empty()) return true;
  const auto* origin = head.headers.find("Origin");
  if (origin == nullptr) return true;  // not a browser: its user is not tricked by a page
  return std::any_of(route.origins.begin(), route.origins.end(), [&](const std::string& allowed) {
    if (allowed != "same") return iequals(allowed, *origin);
    const size_t scheme = origin->find("://");
    return scheme != std::string::npos && iequals(std::string_view(*origin).substr(scheme + 3), head.headers.get("Host"));
  });
}

}  // namespace holdfast
