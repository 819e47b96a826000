#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/base/ws_message_type.h"
#include "gateway/grip/instruct.h"

namespace holdfast {

// A control message of a backend, sent inside its WebSocket: "c:" and a JSON object.
struct WsControl {
  enum class Type { subscribe, unsubscribe, detach, session, set_meta, keep_alive, send_delayed, flush_delayed };
  Type type = Type::detach;
  std::string channel;               // subscribe, unsubscribe
  std::vector<std::string> filters;  // subscribe
  std::string name;                  // set_meta
  std::optional<std::string> value;  // set_meta; absent: delete. session: the id
  // keep_alive (absent: off) and send_delayed.
  std::optional<std::string> content;
  WsMessageType message_type = WsMessageType::text;
  std::chrono::seconds timeout{55};  // keep_alive 55, send_delayed 1; at least 1
  KeepAliveMode mode = KeepAliveMode::idle;
};

// `json` is what follows "c:". Errors: `invalid` with the reason, for logs: the message is then ignored. Not an object, unknown type, a
// part missing or of the wrong type, bad base64, text content that is not UTF-8, ping content over 125 bytes.
Result<WsControl> parse_ws_control(std::string_view json);

// What a backend's handshake answer says about the grip extension. `prefix`: of messages that are meant for the client.
struct GripExtension {
  bool on = false;
  std::string prefix = "m:";
};
// From all values of Sec-WebSocket-Extensions.
GripExtension parse_grip_extension(const std::vector<std::string_view>& values);

}  // namespace holdfast
