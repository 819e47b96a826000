#include "control/api/items.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "gateway/base/text.h"
#include "gateway/message/item_rules.h"
#include "gateway/message/place.h"

namespace holdfast::control {
namespace {

using Checked = Result<void>;

tl::unexpected<Error> fault(const Place& at, std::string_view what, ErrorKind kind = ErrorKind::invalid) {
  return fail(kind, "Invalid format: " + at.words() + ": " + std::string(what));
}
tl::unexpected<Error> too_long(const Place& at, size_t limit) {
  return fault(at, "more than " + std::to_string(limit) + " bytes", ErrorKind::too_large);
}
tl::unexpected<Error> lacks(const Place& at, std::string_view names) { return fault(at, "object does not contain " + std::string(names)); }

Checked take_action(const Place& at, v1::Action in, Action& out) {
  switch (in) {
    case v1::ACTION_UNSPECIFIED:
    case v1::ACTION_SEND:
      out = Action::send;
      return {};
    case v1::ACTION_HINT:
      out = Action::hint;
      return {};
    case v1::ACTION_CLOSE:
      out = Action::close;
      return {};
    case v1::ACTION_REFRESH:
      out = Action::refresh;
      return {};
    default:
      return fault({&at, "action"}, "unknown value");
  }
}

Checked take_content(const Place& at, std::string& in, size_t limit, Bytes& out) {
  if (in.size() > limit) return too_long(at, limit);
  out = Bytes(std::move(in));
  return {};
}

template <class Format, class Message>
void take_filters(Message& in, Format& out) {
  out.has_content_filters = in.has_content_filters();
  for (auto& name : *in.mutable_content_filters()->mutable_names()) out.content_filters.push_back(std::move(name));
}

Checked take_headers(const Place& at, v1::HttpResponse& in, Headers& out) {
  size_t index = 0;
  for (const auto& field : in.headers()) {
    const Place place{at.outer, at.name, index++};
    if (!is_token(field.name())) return fault(place, "bad header name");
    if (!is_field_value(field.value())) return fault(place, "control characters");
    out.add(field.name(), field.value());
  }
  return {};
}

Checked take_patch(const Place& at, std::string& in, size_t limit, std::optional<std::string>& out) {
  if (in.size() > limit) return too_long(at, limit);
  if (!nlohmann::json::accept(in)) return fault(at, "not JSON");
  if (const size_t first = in.find_first_not_of(" \t\r\n"); first == std::string::npos || in[first] != '[') return fault(at, "wrong type");
  out = std::move(in);
  return {};
}

// As in JSON, the fields that only `send` needs are not looked at for the other actions.
Checked take(const Place& at, v1::HttpResponse& in, size_t limit, HttpResponseFormat& out) {
  if (auto good = take_action(at, in.action(), out.action); !good) return good;
  if (out.action != Action::send) return {};
  if (in.has_code()) {
    if (!is_final_status(in.code())) return fault({&at, "code"}, "invalid value");
    out.code = in.code();
  }
  if (!is_field_value(in.reason())) return fault({&at, "reason"}, "control characters");
  out.reason = std::move(*in.mutable_reason());
  if (auto good = take_headers({&at, "headers"}, in, out.headers); !good) return good;
  take_filters(in, out);
  switch (in.payload_case()) {
    case v1::HttpResponse::kBody:
      return take_content({&at, "body"}, *in.mutable_body(), limit, out.body);
    case v1::HttpResponse::kBodyBin:
      return take_content({&at, "body_bin"}, *in.mutable_body_bin(), limit, out.body);
    case v1::HttpResponse::kBodyPatch:
      return take_patch({&at, "body_patch"}, *in.mutable_body_patch(), limit, out.body_patch);
    default:
      return lacks(at, "'body', 'body_bin', or 'body_patch'");
  }
}

Checked take(const Place& at, v1::HttpStream& in, size_t limit, HttpStreamFormat& out) {
  if (auto good = take_action(at, in.action(), out.action); !good) return good;
  if (out.action != Action::send) return {};
  take_filters(in, out);
  switch (in.payload_case()) {
    case v1::HttpStream::kContent:
      return take_content({&at, "content"}, *in.mutable_content(), limit, out.content);
    case v1::HttpStream::kContentBin:
      return take_content({&at, "content_bin"}, *in.mutable_content_bin(), limit, out.content);
    default:
      return lacks(at, "'content' or 'content_bin'");
  }
}

Checked take_close(const Place& at, v1::WsMessage& in, WsMessageFormat& out) {
  if (!is_close_code(in.code())) return fault({&at, "code"}, "invalid value");
  out.close_code = in.code();
  const Place place{&at, "reason"};
  if (in.reason().size() > kMaxCloseReasonBytes) return too_long(place, kMaxCloseReasonBytes);
  out.close_reason = std::move(*in.mutable_reason());
  return {};
}

Checked take_type(const Place& at, const v1::WsMessage& in, WsMessageType& out) {
  switch (in.type()) {
    case v1::WS_MESSAGE_TYPE_UNSPECIFIED:
      out = in.has_content_bin() ? WsMessageType::binary : WsMessageType::text;
      return {};
    case v1::WS_MESSAGE_TYPE_TEXT:
      out = WsMessageType::text;
      return {};
    case v1::WS_MESSAGE_TYPE_BINARY:
      out = WsMessageType::binary;
      return {};
    case v1::WS_MESSAGE_TYPE_PING:
      out = WsMessageType::ping;
      return {};
    case v1::WS_MESSAGE_TYPE_PONG:
      out = WsMessageType::pong;
      return {};
    default:
      return fault({&at, "type"}, "unknown value");
  }
}

Checked take(const Place& at, v1::WsMessage& in, size_t limit, WsMessageFormat& out) {
  if (auto good = take_action(at, in.action(), out.action); !good) return good;
  if (out.action == Action::close) return take_close(at, in, out);
  if (out.action != Action::send) return {};
  if (auto good = take_type(at, in, out.type); !good) return good;
  take_filters(in, out);
  const bool control = out.type == WsMessageType::ping || out.type == WsMessageType::pong;
  if (in.payload_case() == v1::WsMessage::PAYLOAD_NOT_SET) {
    if (control) return {};
    return lacks(at, "'content' or 'content_bin'");
  }
  const Place place{&at, in.has_content_bin() ? "content_bin" : "content"};
  auto& content = in.has_content_bin() ? *in.mutable_content_bin() : *in.mutable_content();
  if (auto good = take_content(place, content, limit, out.content); !good) return good;
  if (control && out.content.size() > kMaxPingBytes) return too_long(place, kMaxPingBytes);
  if (in.has_content_bin() && out.type == WsMessageType::text && !valid_utf8(out.content.view())) return fault(place, "not UTF-8");
  return {};
}

Checked take_formats(const Place& at, v1::Item& in, size_t limit, Item& out) {
  if (!in.has_http_response() && !in.has_http_stream() && !in.has_ws_message()) return fault(at, "no formats specified");
  if (in.has_http_response()) {
    if (auto good = take({&at, "http_response"}, *in.mutable_http_response(), limit, out.http_response.emplace()); !good) return good;
  }
  if (in.has_http_stream()) {
    if (auto good = take({&at, "http_stream"}, *in.mutable_http_stream(), limit, out.http_stream.emplace()); !good) return good;
  }
  if (in.has_ws_message()) {
    if (auto good = take({&at, "ws_message"}, *in.mutable_ws_message(), limit, out.ws_message.emplace()); !good) return good;
  }
  return {};
}

}  // namespace

Result<Item> to_item(v1::Item&& in, size_t index, const ItemLimits& limits) {
  const Place at{nullptr, "items", index};
  const Place channel{&at, "channel"};
  if (in.channel().empty()) return fault(channel, "empty");
  if (in.channel().size() > limits.max_channel_bytes) return too_long(channel, limits.max_channel_bytes);
  Item out;
  out.channel = std::move(*in.mutable_channel());
  if (in.has_id()) out.id = std::move(*in.mutable_id());
  if (in.has_prev_id()) out.prev_id = std::move(*in.mutable_prev_id());
  if (auto good = take_formats(at, in, limits.max_item_bytes, out); !good) return fail(good.error());
  for (auto& [name, value] : *in.mutable_meta()) out.meta.insert_or_assign(name, std::move(value));
  if (in.has_size()) {
    if (in.size() < 0) return fault({&at, "size"}, "invalid value");
    out.size = in.size();
  }
  out.no_seq = in.no_seq();
  if (bytes_of(out) > limits.max_item_bytes) return too_long(at, limits.max_item_bytes);
  return out;
}

}  // namespace holdfast::control
