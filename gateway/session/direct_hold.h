#pragma once

#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"

namespace holdfast {

// A hold that needs no backend: the route's path template says which channels the client listens to. Positions let a client that comes back
// go on exactly where it was: SSE clients by Last-Event-ID, long polls by X-Holdfast-Position. A client that cannot be served exactly is
// told so.
void start_direct_hold(Gateway& gateway, Exchange& exchange, const HeldRequest& request, const RouteMatch& match);

}  // namespace holdfast
