#include "gateway/session/websocket/direct_socket.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "gateway/session/websocket/socket_end.h"

namespace holdfast {

namespace {

constexpr size_t kPositionedShape = 4;
constexpr std::string_view kSubprotocol = "holdfast.positions";
constexpr uint8_t kMaxSilent = 2;

bool offers_positions(const RequestHead& head) {
  for (const auto value : head.headers.all("Sec-WebSocket-Protocol")) {
    const auto offers = split(value, ',');
    if (std::any_of(offers.begin(), offers.end(), [](auto offer) { return trim(offer) == kSubprotocol; })) return true;
  }
  return false;
}

// The query's position, else the headers'.
std::string token_of(const RequestHead& head) {
  constexpr std::string_view kKey = "position=";
  const size_t query = head.target.find('?');
  if (query != std::string::npos) {
    for (const auto parameter : split(std::string_view(head.target).substr(query + 1), '&')) {
      if (parameter.starts_with(kKey)) return percent_decode(parameter.substr(kKey.size()), true).value_or("?");
    }
  }
  return std::string(position_token(head));
}

struct Message {
  WsMessageType type = WsMessageType::text;
  Bytes content;
};

// What a listener gets of an item: its WebSocket message, else the content of another format.
std::optional<Message> message_of(const Item& item) {
  if (item.ws_message && item.ws_message->action == Action::send) return Message{item.ws_message->type, item.ws_message->content};
  const Bytes* content = direct_content(item, true);
  if (content == nullptr) return std::nullopt;
  return Message{valid_utf8(content->view()) ? WsMessageType::text : WsMessageType::binary, *content};
}

Bytes positioned(std::string_view position, const Message& message) {
  nlohmann::json json{{"position", position}};
  if (message.type == WsMessageType::text) {
    json["data"] = message.content.view();
  } else {
    json["base64"] = base64_encode(message.content.view());
  }
  return Bytes(json.dump());
}

}  // namespace

void DirectSocket::start(Gateway& gateway, Exchange& exchange, const HeldRequest& request, const std::vector<std::string>& channels) {
  gateway.adopt(std::make_unique<DirectSocket>(gateway, exchange, request)).listen(channels, token_of(request.head));
}

DirectSocket::DirectSocket(Gateway& gateway, Exchange& exchange, const HeldRequest& request)
    : DirectListener(gateway, request), keep_alive_(request.route->hold->keep_alive_seconds), positions_(offers_positions(request.head)) {
  gateway_.counts.websockets.add();
  gateway_.counts.held.add();
  ClientEnd::User& user = *this;
  client_ = std::make_unique<SocketEnd>(gateway.websocket(), exchange, request.head, user);
  Headers headers;
  if (positions_) headers.add("Sec-WebSocket-Protocol", kSubprotocol);
  client_->accept(headers, {});
  if (keep_alive_.count() > 0) gateway_.timers().set_in(*this, keep_alive_);
}

DirectSocket::~DirectSocket() { gateway_.counts.websockets.sub(); }

// ---- the client

void DirectSocket::on_client_message(WsMessageType type, std::string data, bool, bool) {
  silent_ = 0;
  gateway_.counts.client_messages.add();
  if (type == WsMessageType::ping) send(WsMessageType::pong, Bytes(std::move(data)), nullptr);
}

void DirectSocket::on_client_fault(int code) {
  client_->close(code, {});
  client_->end();
  gateway_.finish(*this);
}

void DirectSocket::on_client_close(int code, const std::string&) {
  client_->close(code, {});
  client_->end();
  gateway_.finish(*this);
}

// False: the client was dropped and this is gone.
bool DirectSocket::send(WsMessageType type, const Bytes& content, const Delivery* shared) {
  if (client_->send(type, content, shared) == WriteResult::gone && client_->over()) {
    gateway_.finish(*this);
    return false;
  }
  return true;
}

void DirectSocket::close(int code, std::string_view reason) {
  if (std::exchange(closing_, true)) return;
  client_->close(code, reason);
  gateway_.timers().set_in(*this, gateway_.websocket().close_timeout);
}

bool DirectSocket::drain() {
  if (closing_) return false;
  close(kWsGoingAway, "going away");
  return true;
}

void DirectSocket::on_timer() {
  if (closing_ || ++silent_ > kMaxSilent) {
    client_->end();
    return gateway_.finish(*this);
  }
  gateway_.timers().set_in(*this, keep_alive_);
  send(WsMessageType::ping, Bytes(), nullptr);
}

// ---- messages

void DirectSocket::on_start(bool bad_token) {
  if (!positions_) {
    if (bad_token) close(kWsPolicy, "unknown position");
    return;
  }
  if (bad_token) return on_missed("unknown_position");
  if (const std::string at = token(); !at.empty()) send(WsMessageType::text, Bytes(nlohmann::json{{"position", at}}.dump()), nullptr);
}

void DirectSocket::on_delivery(const Delivery& delivery) {
  if (closing_) return;
  const auto& format = delivery.item().ws_message;
  if (format && format->action == Action::close) return close(format->close_code, format->close_reason);
  const auto message = message_of(delivery.item());
  if (!message) return;
  gateway_.counts.delivered.add();
  const bool data = message->type == WsMessageType::text || message->type == WsMessageType::binary;
  if (!positions_ || !data) {
    send(message->type, message->content, &delivery);
  } else if (slots_.size() > 1) {  // a token of several channels is the client's own
    send(WsMessageType::text, positioned(token(), *message), nullptr);
  } else {
    auto& rendering = delivery.rendering(kPositionedShape);
    if (!rendering) rendering = std::make_shared<const Rendering>(positioned(token(), *message));
    send(WsMessageType::text, rendering->content(), nullptr);
  }
}

void DirectSocket::on_missed(std::string_view reason) {
  if (!positions_) return close(kWsTryAgainLater, "messages may have been missed");
  send(WsMessageType::text, Bytes(nlohmann::json{{"position", token()}, {"gap", reason}}.dump()), nullptr);
}

}  // namespace holdfast
