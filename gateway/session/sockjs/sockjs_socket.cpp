#include "gateway/session/sockjs/sockjs_socket.h"

#include "gateway/base/log.h"

namespace holdfast {

namespace {

constexpr std::chrono::seconds kHeartbeat(25);
constexpr int kNormal = 1000;

}  // namespace

SockjsSocket::SockjsSocket(Gateway& gateway, Exchange& exchange, const RequestHead& request, ClientEnd::User& user)
    : gateway_(gateway), user_(user), socket_(gateway.websocket(), exchange, request, *this) {}

SockjsSocket::~SockjsSocket() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

// ---- to the client

// Extensions are not passed: what a proxy in front would look at are the backend's messages, not frames around them.
void SockjsSocket::accept(const Headers& headers, std::string_view) {
  socket_.accept(headers, {});
  write(kSockjsOpen);
  gateway_.timers().set_in(*this, kHeartbeat);
}

WriteResult SockjsSocket::write(std::string_view frame) { return socket_.relay(WsMessageType::text, frame, true, true); }

WriteResult SockjsSocket::relay(WsMessageType type, std::string_view data, bool first, bool last) {
  if (lost_ || over()) return WriteResult::gone;
  if (type == WsMessageType::ping || type == WsMessageType::pong) return WriteResult::ok;
  switch (assembler_.take(type, data, first, last)) {
    case SockjsAssembler::Outcome::more:
      break;
    case SockjsAssembler::Outcome::message:
      return write(sockjs_messages(assembler_.quoted()));
    case SockjsAssembler::Outcome::nothing:
      log::debug("a binary message was dropped: SockJS carries text only");
      break;
    case SockjsAssembler::Outcome::too_big:
      close(kWsTooBig, "message too big");
      socket_.end();
      lost_ = true;
      gateway_.timers().set_in(*this, Duration(0));  // the user is in a call now
      return WriteResult::gone;
  }
  return WriteResult::ok;
}

WriteResult SockjsSocket::send(WsMessageType type, const Bytes& content, const Delivery*) {
  if (over()) return WriteResult::gone;
  if (type == WsMessageType::ping || type == WsMessageType::pong) return WriteResult::ok;
  const auto quoted = sockjs_message(type, content.view());
  if (quoted) return socket_.send(WsMessageType::text, Bytes(sockjs_messages(*quoted)), nullptr);
  log::debug("a binary message was dropped: SockJS carries text only");
  return WriteResult::ok;
}

void SockjsSocket::close(int code, std::string_view reason) {
  if (code == 0) code = kNormal;
  if (!close_got_) write(sockjs_close(code, reason));
  socket_.close(code, reason);
}

void SockjsSocket::on_timer() {
  if (lost_) return user_.on_client_gone();
  gateway_.timers().set_in(*this, kHeartbeat);
  if (socket_.send(WsMessageType::text, Bytes::literal(kSockjsHeartbeat), nullptr) == WriteResult::gone && over()) user_.on_client_gone();
}

// ---- from the client

void SockjsSocket::on_client_message(WsMessageType type, std::string data, bool first, bool last) {
  if (lost_ || type == WsMessageType::pong) return;
  if (type == WsMessageType::ping) {  // they are the transport's own, so they are answered here
    if (socket_.send(WsMessageType::pong, Bytes(std::move(data)), nullptr) == WriteResult::gone && over()) user_.on_client_gone();
    return;
  }
  if (first && last) return take(data);
  if (first) parts_.clear();
  parts_ += data;  // bounded by websocket.max_message
  if (!last) return;
  const std::string whole = std::move(parts_);
  parts_ = std::string();
  take(whole);
}

void SockjsSocket::take(const std::string& text) {
  if (text.empty()) return;
  auto messages = parse_sockjs_messages(text);
  if (!messages) {
    socket_.close(kWsProtocolError, "Broken framing.");
    socket_.end();
    return user_.on_client_gone();
  }
  bool destroyed = false;
  destroyed_ = &destroyed;
  for (auto& message : *messages) {
    user_.on_client_message(WsMessageType::text, std::move(message), true, true);
    if (destroyed) return;
    if (over()) break;
  }
  destroyed_ = nullptr;
}

void SockjsSocket::on_client_fault(int code) {
  socket_.close(code, {});
  socket_.end();
  user_.on_client_gone();
}

void SockjsSocket::on_client_close(int code, const std::string& reason) {
  close_got_ = true;
  user_.on_client_close(code, reason);
}

}  // namespace holdfast
