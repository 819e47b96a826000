#pragma once

#include "gateway/session/sockjs/sockjs_frames.h"
#include "gateway/session/websocket/client_end.h"

namespace holdfast {

class SockjsSession;

// The client's end of a WebSocket session whose client has a SockJS session instead: what ties the two. It goes with the WebSocket session.
class SockjsEnd final : public ClientEnd {
 public:
  SockjsEnd(SockjsSession& session, User& user);
  ~SockjsEnd() override;

  void accept(const Headers& headers, std::string_view raw_extensions) override;
  void refuse(const ResponseHead& head, Bytes body) override;
  WriteResult relay(WsMessageType type, std::string_view data, bool first, bool last) override;
  WriteResult send(WsMessageType type, const Bytes& content, const Delivery* shared) override;
  bool over() const override { return session_ == nullptr; }
  void close(int code, std::string_view reason) override;
  void end() override;
  void pause() override;
  void resume() override;

  // For the session.
  User& user() { return user_; }
  void forget_session() { session_ = nullptr; }

 private:
  SockjsSession* session_;  // null: over
  User& user_;
  SockjsAssembler assembler_;
};

}  // namespace holdfast
