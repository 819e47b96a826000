#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/ws_message_type.h"

namespace holdfast {

// SockJS frames (protocol 0.3): `o` opens, `a[...]` carries messages, `h` is a heartbeat, `c[code,reason]` closes. Pure.

inline constexpr std::string_view kSockjsOpen = "o";
inline constexpr std::string_view kSockjsHeartbeat = "h";

// A text as a JSON string. Bytes that are no UTF-8 are replaced.
std::string sockjs_quote(std::string_view text);
// A whole message for a frame: quoted. nullopt: SockJS cannot carry it, since it is neither text nor binary that could be text.
std::optional<std::string> sockjs_message(WsMessageType type, std::string_view whole);
// `quoted`: messages as JSON strings, with commas between them.
std::string sockjs_messages(std::string_view quoted);
std::string sockjs_close(int code, std::string_view reason);

// What a client sends: a JSON array of strings, or one string. nullopt: neither.
std::optional<std::vector<std::string>> parse_sockjs_messages(std::string_view json);
// The content of a jsonp_send: the field `d` of a form, or a plain body as it is. nullopt: there is none.
std::optional<std::string> sockjs_form_content(std::string_view content_type, std::string_view body);

// Makes whole messages of a backend's parts, ready for a frame.
class SockjsAssembler {
 public:
  static constexpr size_t kMost = 1'048'576;

  enum class Outcome {
    more,     // the message goes on
    message,  // quoted() has it
    nothing,  // SockJS cannot carry it
    too_big,
  };
  Outcome take(WsMessageType type, std::string_view data, bool first, bool last);
  std::string quoted() { return std::move(quoted_); }

 private:
  Outcome finish(WsMessageType type, std::string_view whole);

  std::string parts_;
  std::string quoted_;
};

// How a transport carries frames in a response body.
enum class SockjsTransport { xhr, xhr_streaming, jsonp, eventsource };

// A poll's response ends with its first frame.
inline bool is_poll(SockjsTransport transport) { return transport == SockjsTransport::xhr || transport == SockjsTransport::jsonp; }
std::string_view sockjs_content_type(SockjsTransport transport);
// What a stream begins with, before the first frame.
std::string_view sockjs_prelude(SockjsTransport transport);
// `callback`: of jsonp.
std::string wrap_sockjs_frame(SockjsTransport transport, std::string_view callback, std::string_view frame);

// A callback that is no script of the caller's choice.
bool is_sockjs_callback(std::string_view text);

}  // namespace holdfast
