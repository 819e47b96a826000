#pragma once

#include <memory>

#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"
#include "gateway/session/sockjs/sockjs_paths.h"

namespace holdfast {

// Serves what is under the prefix of a SockJS route (protocol 0.3). The backend sees a WebSocket at the route's sockjs_as_path.
void start_sockjs(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, bool websocket);

}  // namespace holdfast
