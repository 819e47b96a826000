#include "gateway/session/sockjs/sockjs_end.h"

#include "gateway/base/log.h"
#include "gateway/session/sockjs/sockjs_session.h"

namespace holdfast {

SockjsEnd::SockjsEnd(SockjsSession& session, User& user) : session_(&session), user_(user) { session.set_end(*this); }

SockjsEnd::~SockjsEnd() { end(); }

// The handshake's headers have no place: the response belongs to the request that happens to wait.
void SockjsEnd::accept(const Headers&, std::string_view) {
  if (session_ != nullptr) session_->accept();
}

void SockjsEnd::refuse(const ResponseHead& head, Bytes body) {
  if (session_ != nullptr) session_->refuse(head, body);
}

WriteResult SockjsEnd::relay(WsMessageType type, std::string_view data, bool first, bool last) {
  if (session_ == nullptr) return WriteResult::gone;
  if (type == WsMessageType::ping || type == WsMessageType::pong) return WriteResult::ok;
  switch (assembler_.take(type, data, first, last)) {
    case SockjsAssembler::Outcome::more:
      break;
    case SockjsAssembler::Outcome::message:
      return session_->relay(assembler_.quoted());
    case SockjsAssembler::Outcome::nothing:
      log::debug("a binary message was dropped: SockJS carries text only");
      break;
    case SockjsAssembler::Outcome::too_big:
      session_->lose(kWsTooBig, "message too big");
      return WriteResult::gone;
  }
  return WriteResult::ok;
}

WriteResult SockjsEnd::send(WsMessageType type, const Bytes& content, const Delivery*) {
  if (session_ == nullptr) return WriteResult::gone;
  if (type == WsMessageType::ping || type == WsMessageType::pong) return WriteResult::ok;
  if (const auto quoted = sockjs_message(type, content.view())) return session_->send(*quoted);
  log::debug("a binary message was dropped: SockJS carries text only");
  return WriteResult::ok;
}

void SockjsEnd::close(int code, std::string_view reason) {
  if (session_ != nullptr) session_->close(code, std::string(reason));
}

void SockjsEnd::end() {
  if (session_ != nullptr) session_->let_go();
}

void SockjsEnd::pause() {
  if (session_ != nullptr) session_->pause();
}

void SockjsEnd::resume() {
  if (session_ != nullptr) session_->resume();
}

}  // namespace holdfast
