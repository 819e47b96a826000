#pragma once

#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"

namespace holdfast {

// The client's handshake as a backend gets it: the rules of every proxied request, and the grip extension in place of the client's own.
RequestHead websocket_request_head(Gateway& gateway, const HeldRequest& request, const Target& target);

// Judges a handshake by the route's allowed origins.
bool origin_allowed(const Route& route, const RequestHead& head);

}  // namespace holdfast
