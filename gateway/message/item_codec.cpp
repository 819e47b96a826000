#include "gateway/message/item_codec.h"

#include <limits>

#include "gateway/base/text.h"
#include "gateway/base/trace.h"
#include "gateway/message/item_rules.h"
#include "holdfast/broker/v1/envelope.pb.h"

namespace holdfast {
namespace {

namespace wire = broker::v1;

wire::Action to_wire(Action action) {
  switch (action) {
    case Action::send:
      return wire::ACTION_SEND;
    case Action::hint:
      return wire::ACTION_HINT;
    case Action::close:
      return wire::ACTION_CLOSE;
    case Action::refresh:
      return wire::ACTION_REFRESH;
  }
  return wire::ACTION_UNSPECIFIED;
}

wire::WsMessageType to_wire(WsMessageType type) {
  switch (type) {
    case WsMessageType::text:
      return wire::WS_MESSAGE_TYPE_TEXT;
    case WsMessageType::binary:
      return wire::WS_MESSAGE_TYPE_BINARY;
    case WsMessageType::ping:
      return wire::WS_MESSAGE_TYPE_PING;
    case WsMessageType::pong:
      return wire::WS_MESSAGE_TYPE_PONG;
  }
  return wire::WS_MESSAGE_TYPE_UNSPECIFIED;
}

// Unknown numbers come from a newer release: what they ask for cannot be done here, and guessing would send the wrong thing.
bool from_wire(wire::Action in, Action& out) {
  switch (in) {
    case wire::ACTION_UNSPECIFIED:
    case wire::ACTION_SEND:
      out = Action::send;
      return true;
    case wire::ACTION_HINT:
      out = Action::hint;
      return true;
    case wire::ACTION_CLOSE:
      out = Action::close;
      return true;
    case wire::ACTION_REFRESH:
      out = Action::refresh;
      return true;
    default:
      return false;
  }
}

bool from_wire(wire::WsMessageType in, WsMessageType& out) {
  switch (in) {
    case wire::WS_MESSAGE_TYPE_UNSPECIFIED:
    case wire::WS_MESSAGE_TYPE_TEXT:
      out = WsMessageType::text;
      return true;
    case wire::WS_MESSAGE_TYPE_BINARY:
      out = WsMessageType::binary;
      return true;
    case wire::WS_MESSAGE_TYPE_PING:
      out = WsMessageType::ping;
      return true;
    case wire::WS_MESSAGE_TYPE_PONG:
      out = WsMessageType::pong;
      return true;
    default:
      return false;
  }
}

template <class Format, class Message>
void put_filters(const Format& in, Message& out) {
  if (!in.has_content_filters) return;
  auto& list = *out.mutable_content_filters();  // present even if empty: "only for listeners without content filters"
  for (const auto& name : in.content_filters) list.add_names(name);
}

template <class Message, class Format>
void take_filters(Message& in, Format& out) {
  out.has_content_filters = in.has_content_filters();
  if (!out.has_content_filters) return;
  for (auto& name : *in.mutable_content_filters()->mutable_names()) out.content_filters.push_back(std::move(name));
}

void put(const HttpResponseFormat& in, wire::HttpResponse& out) {
  out.set_action(to_wire(in.action));
  out.set_code(in.code);
  out.set_reason(in.reason);
  for (const auto& [name, value] : in.headers) {
    auto& field = *out.add_headers();
    field.set_name(name);
    field.set_value(value);
  }
  out.set_body(in.body.data(), in.body.size());
  if (in.body_patch) out.set_body_patch(*in.body_patch);
  put_filters(in, out);
}

void put(const HttpStreamFormat& in, wire::HttpStream& out) {
  out.set_action(to_wire(in.action));
  out.set_content(in.content.data(), in.content.size());
  put_filters(in, out);
}

void put(const WsMessageFormat& in, wire::WsMessage& out) {
  out.set_action(to_wire(in.action));
  out.set_type(to_wire(in.type));
  out.set_content(in.content.data(), in.content.size());
  out.set_close_code(in.close_code);
  out.set_close_reason(in.close_reason);
  put_filters(in, out);
}

// A broker is shared with others, so what ends up in a head or a frame is checked again.
bool take(wire::HttpResponse& in, HttpResponseFormat& out) {
  if (!from_wire(in.action(), out.action) || !is_final_status(in.code()) || !is_field_value(in.reason())) return false;
  out.code = in.code();
  out.reason = std::move(*in.mutable_reason());
  out.headers.reserve(static_cast<size_t>(in.headers_size()));
  for (const auto& field : in.headers()) {
    if (!is_token(field.name()) || !is_field_value(field.value())) return false;
    out.headers.add(field.name(), field.value());
  }
  out.body = Bytes(std::move(*in.mutable_body()));
  if (in.has_body_patch()) out.body_patch = std::move(*in.mutable_body_patch());
  take_filters(in, out);
  return true;
}

bool take(wire::HttpStream& in, HttpStreamFormat& out) {
  if (!from_wire(in.action(), out.action)) return false;
  out.content = Bytes(std::move(*in.mutable_content()));
  take_filters(in, out);
  return true;
}

bool take(wire::WsMessage& in, WsMessageFormat& out) {
  if (!from_wire(in.action(), out.action) || !from_wire(in.type(), out.type) || !is_close_code(in.close_code())) return false;
  if (in.close_reason().size() > kMaxCloseReasonBytes || !valid_utf8(in.close_reason())) return false;
  const bool control = out.type == WsMessageType::ping || out.type == WsMessageType::pong;
  if (control && in.content().size() > kMaxPingBytes) return false;
  out.content = Bytes(std::move(*in.mutable_content()));
  out.close_code = in.close_code();
  out.close_reason = std::move(*in.mutable_close_reason());
  take_filters(in, out);
  return true;
}

}  // namespace

Bytes encode(const Item& item) {
  wire::Item out;
  if (item.id) out.set_id(*item.id);
  if (item.prev_id) out.set_prev_id(*item.prev_id);
  if (item.http_response) put(*item.http_response, *out.mutable_http_response());
  if (item.http_stream) put(*item.http_stream, *out.mutable_http_stream());
  if (item.ws_message) put(*item.ws_message, *out.mutable_ws_message());
  for (const auto& [name, value] : item.meta) {
    auto& field = *out.add_meta();
    field.set_name(name);
    field.set_value(value);
  }
  out.set_no_seq(item.no_seq);
  out.set_size(item.size);
  if (const Origin& from = item.origin; !from.node.empty() || from.at != 0 || !from.traceparent.empty()) {
    auto& origin = *out.mutable_origin();
    origin.set_node(from.node);
    origin.set_at(from.at);
    origin.set_traceparent(from.traceparent);
  }
  return Bytes(out.SerializeAsString());
}

Result<Item> decode(std::string_view data, std::string channel) {
  if (data.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return invalid("the envelope is too large");
  wire::Item in;
  if (!in.ParseFromArray(data.data(), static_cast<int>(data.size()))) return invalid("the envelope is not an item");
  Item out;
  out.channel = std::move(channel);
  if (in.has_id()) out.id = std::move(*in.mutable_id());
  if (in.has_prev_id()) out.prev_id = std::move(*in.mutable_prev_id());
  if (in.has_http_response() && !take(*in.mutable_http_response(), out.http_response.emplace()))
    return invalid("the envelope's http-response is wrong");
  if (in.has_http_stream() && !take(*in.mutable_http_stream(), out.http_stream.emplace()))
    return invalid("the envelope's http-stream is wrong");
  if (in.has_ws_message() && !take(*in.mutable_ws_message(), out.ws_message.emplace()))
    return invalid("the envelope's ws-message is wrong");
  for (auto& field : *in.mutable_meta()) out.meta.insert_or_assign(std::move(*field.mutable_name()), std::move(*field.mutable_value()));
  out.no_seq = in.no_seq();
  if (in.size() < -1) return invalid("the envelope's size is wrong");
  out.size = in.size();
  if (in.has_origin()) {
    auto& origin = *in.mutable_origin();
    out.origin.node = std::move(*origin.mutable_node());
    out.origin.at = origin.at();
    if (is_traceparent(origin.traceparent())) out.origin.traceparent = std::move(*origin.mutable_traceparent());
  }
  return out;
}

}  // namespace holdfast
