#include "gateway/session/sockjs/sockjs_receiver.h"

#include "gateway/session/sockjs/sockjs_end.h"
#include "gateway/session/sockjs/sockjs_session.h"
#include "gateway/session/websocket/ws_session.h"

namespace holdfast {

namespace {
constexpr size_t kMostBody = 65536;  // nothing is expected
}

SockjsReceiver::SockjsReceiver(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, SockjsTransport transport,
                               std::string callback)
    : SockjsRequest(gateway, exchange, std::move(request), kMostBody),
      transport_(transport),
      callback_(std::move(callback)),
      self_(gateway.door()) {
  self_.bind(*this);
}

SockjsReceiver::~SockjsReceiver() { self_.unbind(); }

void SockjsReceiver::on_request_read() {
  body_ = std::string();
  exchange_->hold();
  join();
}

// ---- joining a session

void SockjsReceiver::join() {
  auto claim = gateway_.sockjs().claim(key_, gateway_.door());
  if (!claim) return respond(503, kSockjsText, "Too many sessions.");
  session_ = claim->session;
  joined_ = true;
  if (claim->is_new) return open(session_);
  // A session that has just been forgotten is not in the way of a new one.
  session_.call([self = self_, poll = is_poll(transport_)](SockjsSession& session) { session.attach(self, poll); },
                [self = self_] { self.call([](SockjsReceiver& receiver) { receiver.join(); }); });
}

void SockjsReceiver::open(const Remote<SockjsSession>& remote) {
  auto& session = gateway_.adopt(std::make_unique<SockjsSession>(gateway_, key_, remote, request_->peer.address));
  session.attach(self_, is_poll(transport_));
  become_handshake(*request_);
  end_grip_here(*request_);
  if (gateway_.cross_origin(*request_->route)) request_->cors = cors_request_part(request_->head.headers);
  WsSession::start(gateway_, std::move(request_), [&](ClientEnd::User& user) { return std::make_unique<SockjsEnd>(session, user); });
}

void SockjsReceiver::on_gone() {
  if (joined_) session_.call([self = self_, wrote = unsaid_](SockjsSession& session) { session.detach(self, wrote); });
  gateway_.finish(*this);
}

// ---- writing

ResponseHead SockjsReceiver::head() const {
  ResponseHead head;
  head.headers.add("Content-Type", sockjs_content_type(transport_));
  add_sockjs_headers(origin_, head.headers);
  if (transport_ == SockjsTransport::jsonp) head.headers.add("X-Content-Type-Options", "nosniff");
  return head;
}

void SockjsReceiver::write(const std::vector<std::string>& frames, bool last) {
  const bool poll = is_poll(transport_);
  std::string text;
  if (!poll && !begun_) {
    exchange_->respond(head(), {Framing::chunked, 0});
    text = sockjs_prelude(transport_);
    begun_ = true;
  }
  for (const auto& frame : frames) text += wrap_sockjs_frame(transport_, callback_, frame);
  if (poll) exchange_->respond(head(), {Framing::length, text.size()});
  const auto result = text.empty() ? WriteResult::ok : exchange_->relay(Bytes(std::move(text)));
  if (result == WriteResult::gone) return;  // on_gone follows
  if (result == WriteResult::full && !last) {
    unsaid_ = true;
    return;
  }
  session_.call([self = self_](SockjsSession& session) { session.on_written(self); });
  if (!last) return;
  exchange_->end();
  gateway_.finish(*this);
}

void SockjsReceiver::on_writable() {
  if (std::exchange(unsaid_, false)) session_.call([self = self_](SockjsSession& session) { session.on_written(self); });
}

void SockjsReceiver::refuse(ResponseHead refusal, Bytes body) {
  add_sockjs_headers(origin_, refusal.headers);
  answer_sockjs(*exchange_, refusal, std::move(body));
  gateway_.finish(*this);
}

}  // namespace holdfast
