#pragma once

namespace holdfast {

// What a WebSocket message is.
enum class WsMessageType { text, binary, ping, pong };

}  // namespace holdfast
