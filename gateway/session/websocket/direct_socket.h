#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/session/direct_listener.h"
#include "gateway/session/websocket/client_end.h"

namespace holdfast {

// A WebSocket that needs no backend: the route says which channels its client listens to. Messages come as they were published. A client
// that offers the subprotocol `holdfast.positions` gets JSON objects instead, each with the position to come back from:
//   {"position":P}                    where it stands, first
//   {"position":P,"data":S}           a message; "base64":S if it is not text
//   {"position":P,"gap":R}            something is missing before here
// `?position=P` (or X-Holdfast-Position) goes on behind P. A client that gets no positions is closed (1013) where something is missing.
class DirectSocket final : public DirectListener, ClientEnd::User {
 public:
  static void start(Gateway& gateway, Exchange& exchange, const HeldRequest& request, const std::vector<std::string>& channels);

  DirectSocket(Gateway& gateway, Exchange& exchange, const HeldRequest& request);
  ~DirectSocket() override;
  HoldKind kind() const override { return HoldKind::websocket; }
  bool drain() override;

 private:
  void on_client_message(WsMessageType type, std::string data, bool first, bool last) override;
  void on_client_close(int code, const std::string& reason) override;
  void on_client_fault(int code) override;
  void on_client_gone() override { gateway_.finish(*this); }
  void on_client_writable() override {}

  void on_start(bool bad_token) override;
  void on_delivery(const Delivery& delivery) override;
  void on_missed(std::string_view reason) override;
  void on_timer() override;

  bool send(WsMessageType type, const Bytes& content, const Delivery* shared);
  void close(int code, std::string_view reason);

  std::unique_ptr<ClientEnd> client_;
  const std::chrono::seconds keep_alive_;
  bool positions_ = false;
  bool closing_ = false;
  uint8_t silent_ = 0;  // pings in a row that the client has said nothing after
};

}  // namespace holdfast
