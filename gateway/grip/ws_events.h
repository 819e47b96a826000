#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/bytes.h"
#include "gateway/base/result.h"

namespace holdfast {

// The event encoding of WebSocket-over-HTTP: TYPE[ SP HEXSIZE] CRLF [CONTENT CRLF], one after the other.
enum class WsEventType { open, text, binary, ping, pong, close, disconnect };

struct WsHttpEvent {
  WsEventType type = WsEventType::open;
  std::string_view content;  // part of the decoded text, or of what is to be encoded
};

// Appends one event. An empty content is written without size.
void encode_event(WsEventType type, std::string_view content, std::string& out);

// All events of a body. Events of unknown types are left out. Errors: `invalid`, naming the byte: a bad type name, size or line end, or
// content that is cut off. `TEXT` and `TEXT 0` + CRLF CRLF are both an empty text.
Result<std::vector<WsHttpEvent>> decode_events(std::string_view body);

// Content of CLOSE: two bytes of code and a reason; empty: no code (0).
struct WsCloseReason {
  int code = 0;
  std::string_view reason;
};
std::string encode_close(int code, std::string_view reason);
// Errors: one byte, or a reason that is not UTF-8.
Result<WsCloseReason> decode_close(std::string_view content);

// Whether a media type is application/websocket-events (parameters are ignored).
bool is_websocket_events(std::string_view content_type);

}  // namespace holdfast
