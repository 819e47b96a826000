#include "gateway/message/format_json.h"

#include <simdjson.h>

#include "gateway/base/text.h"
#include "gateway/message/item_rules.h"

namespace holdfast {
namespace {

namespace dom = simdjson::dom;

constexpr std::pair<std::string_view, Action> kActions[] = {
    {"send", Action::send}, {"hint", Action::hint}, {"close", Action::close}, {"refresh", Action::refresh}};
constexpr std::pair<std::string_view, WsMessageType> kMessageTypes[] = {
    {"text", WsMessageType::text}, {"binary", WsMessageType::binary}, {"ping", WsMessageType::ping}, {"pong", WsMessageType::pong}};

bool add_header(JsonReader& reader, const Place& at, std::string_view name, const dom::element& value, Headers& out) {
  if (!is_token(name)) return reader.fault(at, "bad header name");
  std::string_view text;
  if (!reader.read_line(at, value, text)) return false;
  out.add(name, text);
  return true;
}

bool read_headers(JsonReader& reader, const Place& at, const JsonValue& value, Headers& out) {
  if (!value) return true;
  dom::object object;
  if (value->get(object) == simdjson::SUCCESS) {
    for (const auto field : object) {
      if (!add_header(reader, {&at, sayable(field.key)}, field.key, field.value, out)) return false;
    }
    return true;
  }
  dom::array list;
  if (value->get(list) != simdjson::SUCCESS) return reader.fault(at, "wrong type");
  size_t index = 0;
  for (const auto entry : list) {
    const Place place{at.outer, at.name, index++};
    dom::array pair;
    if (entry.get(pair) != simdjson::SUCCESS) return reader.fault(place, "wrong type");
    if (pair.size() != 2) return reader.fault(place, "not a pair of name and value");
    std::string_view name;
    if (!reader.read_text(place, *pair.begin(), name) || !add_header(reader, place, name, *++pair.begin(), out)) return false;
  }
  return true;
}

template <class Format>
bool read_filters(JsonReader& reader, const Place& at, const JsonValue& value, Format& out) {
  out.has_content_filters = value.has_value();
  return !value || reader.read_names({&at, "content-filters"}, *value, out.content_filters);
}

bool read_code(JsonReader& reader, const Place& at, const JsonValue& value, bool (*allowed)(int64_t), int& out) {
  if (!value) return true;
  int64_t number = 0;
  if (!reader.read_number({&at, "code"}, *value, allowed, number)) return false;
  out = static_cast<int>(number);
  return true;
}

// As in Pushpin, the fields that only `send` needs are not looked at for the other actions.
bool read_response(JsonReader& reader, const Place& at, const dom::element& value, HttpResponseFormat& out) {
  dom::object object;
  if (!reader.read_object(at, value, object)) return false;
  const auto [action, code, reason, headers, filters, body, body_bin, patch] =
      pick(object, {"action", "code", "reason", "headers", "content-filters", "body", "body-bin", "body-patch"});
  if (!reader.read_word({&at, "action"}, action, kActions, out.action)) return false;
  if (out.action != Action::send) return true;
  if (!read_code(reader, at, code, is_final_status, out.code)) return false;
  std::string_view phrase;
  if (given(reason) && !reader.read_line({&at, "reason"}, *reason, phrase)) return false;
  out.reason = phrase;
  if (!read_headers(reader, {&at, "headers"}, headers, out.headers) || !read_filters(reader, at, filters, out)) return false;
  if (body_bin) return reader.read_base64({&at, "body-bin"}, *body_bin, out.body);
  if (body) return reader.read_content({&at, "body"}, *body, out.body);
  if (!patch) return reader.lacks(at, "'body', 'body-bin', or 'body-patch'");
  if (!patch->is_array()) return reader.fault({&at, "body-patch"}, "wrong type");
  out.body_patch = simdjson::minify(*patch);
  return true;
}

bool read_stream(JsonReader& reader, const Place& at, const dom::element& value, HttpStreamFormat& out) {
  dom::object object;
  if (!reader.read_object(at, value, object)) return false;
  const auto [action, filters, content, content_bin] = pick(object, {"action", "content-filters", "content", "content-bin"});
  if (!reader.read_word({&at, "action"}, action, kActions, out.action)) return false;
  if (out.action != Action::send) return true;
  if (!read_filters(reader, at, filters, out)) return false;
  if (content_bin) return reader.read_base64({&at, "content-bin"}, *content_bin, out.content);
  if (content) return reader.read_content({&at, "content"}, *content, out.content);
  return reader.lacks(at, "'content' or 'content-bin'");
}

bool read_close(JsonReader& reader, const Place& at, const JsonValue& code, const JsonValue& reason, WsMessageFormat& out) {
  if (!read_code(reader, at, code, is_close_code, out.close_code)) return false;
  if (!given(reason)) return true;
  const Place place{&at, "reason"};
  std::string_view text;
  if (!reader.read_text(place, *reason, text)) return false;
  if (text.size() > kMaxCloseReasonBytes) return reader.too_long(place, kMaxCloseReasonBytes);
  out.close_reason = text;
  return true;
}

bool read_message(JsonReader& reader, const Place& at, const dom::element& value, WsMessageFormat& out) {
  dom::object object;
  if (!reader.read_object(at, value, object)) return false;
  const auto [action, type, filters, content, content_bin, code, reason] =
      pick(object, {"action", "type", "content-filters", "content", "content-bin", "code", "reason"});
  if (!reader.read_word({&at, "action"}, action, kActions, out.action)) return false;
  if (out.action == Action::close) return read_close(reader, at, code, reason, out);
  if (out.action != Action::send) return true;
  if (content_bin) out.type = WsMessageType::binary;
  if (!reader.read_word({&at, "type"}, type, kMessageTypes, out.type) || !read_filters(reader, at, filters, out)) return false;
  const bool control = out.type == WsMessageType::ping || out.type == WsMessageType::pong;
  if (!content && !content_bin) return control || reader.lacks(at, "'content' or 'content-bin'");
  const Place place{&at, content_bin ? "content-bin" : "content"};
  if (content_bin ? !reader.read_base64(place, *content_bin, out.content) : !reader.read_content(place, *content, out.content))
    return false;
  if (control && out.content.size() > kMaxPingBytes) return reader.too_long(place, kMaxPingBytes);
  if (content_bin && out.type == WsMessageType::text && !valid_utf8(out.content.view())) return reader.fault(place, "not UTF-8");
  return true;
}

}  // namespace

bool read_formats(JsonReader& reader, const Place& at, const JsonValue& response, const JsonValue& stream, const JsonValue& message,
                  Item& out) {
  return (!response || read_response(reader, {&at, "http-response"}, *response, out.http_response.emplace())) &&
         (!stream || read_stream(reader, {&at, "http-stream"}, *stream, out.http_stream.emplace())) &&
         (!message || read_message(reader, {&at, "ws-message"}, *message, out.ws_message.emplace()));
}

}  // namespace holdfast
