#include "gateway/session/sockjs/sockjs_sender.h"

#include "gateway/session/sockjs/sockjs_frames.h"
#include "gateway/session/sockjs/sockjs_session.h"

namespace holdfast {

namespace {
constexpr size_t kMostBody = 1'048'576;
}

SockjsSender::SockjsSender(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, bool is_form)
    : SockjsRequest(gateway, exchange, std::move(request), kMostBody), is_form_(is_form), self_(gateway.door()) {
  self_.bind(*this);
}

SockjsSender::~SockjsSender() { self_.unbind(); }

void SockjsSender::on_request_read() {
  const auto session = gateway_.sockjs().find(key_);
  if (!session) return on_taken(Outcome::gone);
  if (is_form_) body_ = sockjs_form_content(request_->head.headers.get("Content-Type"), body_).value_or(std::string());
  if (body_.empty()) return respond(500, kSockjsText, "Payload expected.");
  auto messages = parse_sockjs_messages(body_);
  if (!messages) return respond(500, kSockjsText, "Broken JSON encoding.");
  body_ = std::string();
  session->call([messages = std::move(*messages), self = self_](SockjsSession& to) mutable { to.take(std::move(messages), self); },
                [self = self_] { self.call([](SockjsSender& sender) { sender.on_taken(Outcome::gone); }); });
}

void SockjsSender::on_taken(Outcome outcome) {
  switch (outcome) {
    case Outcome::taken:
      return respond(200, kSockjsText, "ok");
    case Outcome::gone:
      return respond(404, kSockjsText, "Session not found.");
    case Outcome::full:
      return respond(503, kSockjsText, "The backend has no room.");
  }
}

}  // namespace holdfast
