#include "gateway/session/websocket/socket_backend.h"

#include "gateway/base/log.h"
#include "gateway/net/websocket_handshake.h"
#include "gateway/session/proxy_session.h"
#include "gateway/session/websocket/ws_request.h"

namespace holdfast {

namespace {
constexpr size_t kMaxRefusal = 1'000'000;
const WsLimits kNoLimits{0, 0};
}  // namespace

struct SocketBackend::Opening {
  UpstreamRequest request;
  std::string key;
  ResponseHead refusal;
  std::string body;
  bool refuses = false;
};

SocketBackend::SocketBackend(Gateway& gateway, const HeldRequest& request, const Target& target, User& user)
    : gateway_(gateway), user_(user), opening_(std::make_unique<Opening>()), reader_(WsSide::client, kNoLimits) {
  auto& out = opening_->request;
  opening_->key = new_websocket_key();
  out.head = websocket_request_head(gateway, request, target);
  out.head.headers.set("Sec-WebSocket-Key", opening_->key);
  out.endpoints.push_back(endpoint_of(target, out.head.headers.get("Host")));
  out.upgrade = "websocket";
}

SocketBackend::~SocketBackend() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

void SocketBackend::open() { call_ = gateway_.upstream().request(std::move(opening_->request), *this); }

void SocketBackend::on_head(ResponseHead head, BodyFraming) {
  strip_response_head(head.headers);
  if (head.status != 101) {
    opening_->refuses = true;
    opening_->refusal = std::move(head);
    return;
  }
  const auto opening = std::move(opening_);
  if (!accepts_handshake(head, opening->key)) {
    return user_.on_open_failed(502, to_string(call_->endpoint()) + ": its answer to the WebSocket handshake is wrong");
  }
  user_.on_accepted(std::move(head.headers));
}

void SocketBackend::on_body(Bytes piece) {
  if (opening_) {
    if (opening_->body.size() + piece.size() > kMaxRefusal) return refused();
    opening_->body.append(piece.view());
    return;
  }
  bool destroyed = false;
  destroyed_ = &destroyed;
  reader_.feed(piece.view());
  for (;;) {
    auto event = reader_.next();
    switch (event.kind) {
      case WsEvent::Kind::none:
        destroyed_ = nullptr;
        return;
      case WsEvent::Kind::part:
        user_.on_backend_message(event.type, std::move(event.data), event.first, event.last);
        break;
      case WsEvent::Kind::control:
        user_.on_backend_message(event.type, std::move(event.data), true, true);
        break;
      case WsEvent::Kind::close:
        close_got_ = true;
        user_.on_backend_close(event.code, event.data);
        break;
      case WsEvent::Kind::violation:
        destroyed_ = nullptr;
        call_->send(Bytes(ws_close_frame(event.code, {}, WsSide::client)), false);
        return user_.on_backend_gone(event.data);
    }
    if (destroyed) return;
  }
}

void SocketBackend::refused() {
  const auto opening = std::move(opening_);
  user_.on_refused(std::move(opening->refusal), Bytes(std::move(opening->body)));
}

void SocketBackend::on_end() {
  if (opening_) return refused();
  if (close_got_) return user_.on_backend_done();
  user_.on_backend_gone("closed without a Close");
}

void SocketBackend::on_error(UpstreamError error, const std::string& text) {
  if (!opening_) {
    if (close_got_) return user_.on_backend_done();
    return user_.on_backend_gone(text);
  }
  if (opening_->refuses) return refused();
  const std::string where = to_string(call_->endpoint());
  if (error == UpstreamError::connect_failed || error == UpstreamError::blocked) return user_.on_unreachable(where);
  user_.on_open_failed(error == UpstreamError::timeout ? 504 : error == UpstreamError::overloaded ? 503 : 502, where + ": " + text);
}

// ---- towards the backend

bool SocketBackend::send(WsMessageType type, std::string data, bool first, bool last) {
  const WsFrame frame{first ? opcode_of(type) : WsOpcode::continuation, last, false};
  waiting_ = !call_->send(Bytes(ws_frame(frame, data, WsSide::client)), false);
  return !waiting_;
}

void SocketBackend::on_send_ready() {
  if (std::exchange(waiting_, false)) user_.on_backend_room();
}

void SocketBackend::close(int code, std::string_view reason) {
  if (call_) call_->send(Bytes(ws_close_frame(code, reason, WsSide::client)), false);
}

bool SocketBackend::client_fault(int code) {
  close(code, {});
  return false;
}

void SocketBackend::pause() {
  if (call_) call_->pause();
}
void SocketBackend::resume() {
  if (call_) call_->resume();
}

}  // namespace holdfast
