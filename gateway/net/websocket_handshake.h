#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/net/http.h"

namespace holdfast {

// The opening handshake (RFC 6455 section 4).

// Whether a request asks for a WebSocket: its Upgrade lists `websocket`, in any letter case. Everything else about it may be wrong.
bool wants_websocket(const RequestHead& head);

// Why it cannot be one: 400; 426 with Sec-WebSocket-Version for another version than 13. nullopt: it can.
struct HandshakeRefusal {
  ResponseHead head;
  std::string text;
};
std::optional<HandshakeRefusal> judge_handshake(const RequestHead& head, BodyFraming body);

// Sec-WebSocket-Accept for a key. A new key for a handshake of our own: 16 random bytes, base64.
std::string websocket_accept(std::string_view key);
std::string new_websocket_key();

// The 101 for `request`: Upgrade, Connection and Sec-WebSocket-Accept, then `headers` without those, and without
// Sec-WebSocket-Extensions unless `extensions` (then that).
ResponseHead accept_handshake(const RequestHead& request, const Headers& headers, std::string_view extensions);
// Whether a backend's 101 answers `key`.
bool accepts_handshake(const ResponseHead& head, std::string_view key);

}  // namespace holdfast
