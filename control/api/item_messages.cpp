#include "control/api/items.h"
#include "control/api/utf8.h"
#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

v1::Action to_message(Action action) {
  switch (action) {
    case Action::send:
      return v1::ACTION_SEND;
    case Action::hint:
      return v1::ACTION_HINT;
    case Action::close:
      return v1::ACTION_CLOSE;
    case Action::refresh:
      return v1::ACTION_REFRESH;
  }
  return v1::ACTION_UNSPECIFIED;
}

v1::WsMessageType to_message(WsMessageType type) {
  switch (type) {
    case WsMessageType::text:
      return v1::WS_MESSAGE_TYPE_TEXT;
    case WsMessageType::binary:
      return v1::WS_MESSAGE_TYPE_BINARY;
    case WsMessageType::ping:
      return v1::WS_MESSAGE_TYPE_PING;
    case WsMessageType::pong:
      return v1::WS_MESSAGE_TYPE_PONG;
  }
  return v1::WS_MESSAGE_TYPE_UNSPECIFIED;
}

template <class Format, class Message>
void put_filters(const Format& format, Message& out) {
  if (!format.has_content_filters) return;
  auto& filters = *out.mutable_content_filters();
  for (const auto& name : format.content_filters) filters.add_names(utf8_of(name));
}

template <class Message>
void put_content(const Bytes& content, bool binary, Message& out) {
  if (binary || !valid_utf8(content.view()))
    out.set_content_bin(content.str());
  else
    out.set_content(content.str());
}

void put(const HttpResponseFormat& format, v1::HttpResponse& out) {
  out.set_action(to_message(format.action));
  if (format.action != Action::send) return;
  out.set_code(format.code);
  out.set_reason(utf8_of(format.reason));
  for (const auto& [name, value] : format.headers) {
    auto& field = *out.add_headers();
    field.set_name(utf8_of(name));
    field.set_value(utf8_of(value));
  }
  put_filters(format, out);
  if (format.body_patch)
    out.set_body_patch(utf8_of(*format.body_patch));
  else if (valid_utf8(format.body.view()))
    out.set_body(format.body.str());
  else
    out.set_body_bin(format.body.str());
}

void put(const HttpStreamFormat& format, v1::HttpStream& out) {
  out.set_action(to_message(format.action));
  if (format.action != Action::send) return;
  put_filters(format, out);
  put_content(format.content, false, out);
}

void put(const WsMessageFormat& format, v1::WsMessage& out) {
  out.set_action(to_message(format.action));
  if (format.action == Action::close) {
    out.set_code(format.close_code);
    out.set_reason(utf8_of(format.close_reason));
  }
  if (format.action != Action::send) return;
  out.set_type(to_message(format.type));
  put_filters(format, out);
  put_content(format.content, format.type == WsMessageType::binary, out);
}

}  // namespace

void to_message(const Item& item, v1::Item& out) {
  out.set_channel(utf8_of(item.channel));
  if (item.id) out.set_id(utf8_of(*item.id));
  if (item.prev_id) out.set_prev_id(utf8_of(*item.prev_id));
  if (item.http_response) put(*item.http_response, *out.mutable_http_response());
  if (item.http_stream) put(*item.http_stream, *out.mutable_http_stream());
  if (item.ws_message) put(*item.ws_message, *out.mutable_ws_message());
  for (const auto& [name, value] : item.meta) (*out.mutable_meta())[utf8_of(name)] = utf8_of(value);
  out.set_no_seq(item.no_seq);
  if (item.size >= 0) out.set_size(item.size);
}

}  // namespace holdfast::control
