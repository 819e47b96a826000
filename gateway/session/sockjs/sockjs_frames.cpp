#include "gateway/session/sockjs/sockjs_frames.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

using nlohmann::json;

constexpr size_t kLongestCallback = 128;

std::string quote(std::string_view text, bool ascii) { return json(text).dump(-1, ' ', ascii, json::error_handler_t::replace); }

// Takes strings and one array of them. It stops at anything else, before memory is spent on it.
struct MessageReader {
  bool string(std::string& text) {
    messages.push_back(std::move(text));
    return true;
  }
  bool start_array(size_t) { return !std::exchange(in_array, true); }
  bool end_array() { return true; }

  bool null() { return false; }
  bool boolean(bool) { return false; }
  bool number_integer(int64_t) { return false; }
  bool number_unsigned(uint64_t) { return false; }
  bool number_float(double, const std::string&) { return false; }
  bool binary(json::binary_t&) { return false; }
  bool start_object(size_t) { return false; }
  bool key(std::string&) { return false; }
  bool end_object() { return false; }
  bool parse_error(size_t, const std::string&, const json::exception&) { return false; }

  std::vector<std::string> messages;
  bool in_array = false;
};

}  // namespace

std::string sockjs_quote(std::string_view text) { return quote(text, false); }

std::optional<std::string> sockjs_message(WsMessageType type, std::string_view whole) {
  const bool is_text = type == WsMessageType::text || (type == WsMessageType::binary && valid_utf8(whole));
  if (!is_text) return std::nullopt;
  return sockjs_quote(whole);
}

std::string sockjs_messages(std::string_view quoted) {
  std::string frame;
  frame.reserve(quoted.size() + 3);
  return frame.append("a[").append(quoted).append("]");
}

std::string sockjs_close(int code, std::string_view reason) { return "c[" + std::to_string(code) + "," + sockjs_quote(reason) + "]"; }

std::optional<std::vector<std::string>> parse_sockjs_messages(std::string_view text) {
  MessageReader reader;
  if (!json::sax_parse(text, &reader)) return std::nullopt;
  return std::move(reader.messages);
}

std::optional<std::string> sockjs_form_content(std::string_view content_type, std::string_view body) {
  if (!istarts_with(content_type, "application/x-www-form-urlencoded")) {
    if (body.empty()) return std::nullopt;
    return std::string(body);
  }
  for (const auto field : split(body, '&')) {
    if (!field.starts_with("d=")) continue;
    auto content = percent_decode(field.substr(2), true);
    if (!content || content->empty()) return std::nullopt;
    return content;
  }
  return std::nullopt;
}

// ---- messages of backends

SockjsAssembler::Outcome SockjsAssembler::take(WsMessageType type, std::string_view data, bool first, bool last) {
  if (type != WsMessageType::text && type != WsMessageType::binary) return Outcome::nothing;
  if (first) parts_.clear();
  if (parts_.size() + data.size() > kMost) return Outcome::too_big;
  if (first && last) return finish(type, data);
  parts_ += data;
  if (!last) return Outcome::more;
  const std::string whole = std::move(parts_);
  parts_ = std::string();
  return finish(type, whole);
}

SockjsAssembler::Outcome SockjsAssembler::finish(WsMessageType type, std::string_view whole) {
  auto quoted = sockjs_message(type, whole);
  if (!quoted) return Outcome::nothing;
  quoted_ = std::move(*quoted);
  return Outcome::message;
}

// ---- transports

std::string_view sockjs_content_type(SockjsTransport transport) {
  return transport == SockjsTransport::eventsource ? "text/event-stream" : "application/javascript; charset=UTF-8";
}

std::string_view sockjs_prelude(SockjsTransport transport) {
  // Browsers show nothing of a response before it has so much.
  static const std::string long_enough = std::string(2048, 'h') + '\n';
  if (transport == SockjsTransport::xhr_streaming) return long_enough;
  if (transport == SockjsTransport::eventsource) return "\r\n";
  return {};
}

std::string wrap_sockjs_frame(SockjsTransport transport, std::string_view callback, std::string_view frame) {
  std::string out;
  out.reserve(frame.size() + 16);
  switch (transport) {
    case SockjsTransport::xhr:
    case SockjsTransport::xhr_streaming:
      return out.append(frame).append("\n");
    case SockjsTransport::eventsource:
      return out.append("data: ").append(frame).append("\r\n\r\n");
    case SockjsTransport::jsonp:
      // The comment keeps the answer from beginning with bytes that the caller chose; ASCII, because U+2028 ends a line in old JavaScript.
      return out.append("/**/").append(callback).append("(").append(quote(frame, true)).append(");\r\n");
  }
  return out;
}

bool is_sockjs_callback(std::string_view text) {
  return !text.empty() && text.size() <= kLongestCallback && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '.';
  });
}

}  // namespace holdfast
