#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"

namespace holdfast {

// What every answer of SockJS has: scripts of any origin may read it, and it is not kept.
void add_sockjs_headers(std::string_view origin, Headers& headers);
void add_sockjs_cors(std::string_view origin, Headers& headers);
// A whole answer; ends the exchange.
void answer_sockjs(Exchange& exchange, std::string_view origin, int status, std::string_view content_type, std::string_view text);
void answer_sockjs(Exchange& exchange, const ResponseHead& head, Bytes body);
inline constexpr std::string_view kSockjsText = "text/plain; charset=UTF-8";

// The name of a session on this node: ids are the clients' own choice, so they are kept apart by what was asked for.
std::string sockjs_key(const Route& route, std::string_view session);

// Rewrites the target to the one that the backend of a SockJS route sees.
void rewrite_for_sockjs(const Route& route, RequestHead& head);
// Makes a WebSocket handshake of the request that opens a session.
void become_handshake(HeldRequest& request);
// The session's messages end here, so its GRIP does too, though a trusted proxy in front may offer to do it.
void end_grip_here(HeldRequest& request);

// One request of a SockJS session, on the loop of its connection. It reads the body, then does its part.
class SockjsRequest : public Session, protected ExchangeObserver {
 public:
  SockjsRequest(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, size_t most_body);
  // Last of what the caller does.
  void start();

 protected:
  virtual void on_request_read() = 0;
  void on_body(Bytes piece, bool last) final;
  void on_writable() override {}
  void on_gone() override { gateway_.finish(*this); }
  // The whole answer. Last of what the caller does.
  void respond(int status, std::string_view content_type, std::string_view text);

  Gateway& gateway_;
  Exchange* exchange_;
  std::unique_ptr<HeldRequest> request_;
  const std::string origin_;
  const std::string key_;
  std::string body_;

 private:
  const size_t most_body_;
};

}  // namespace holdfast
