#pragma once

#include <memory>
#include <string>

#include "gateway/net/websocket.h"
#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"
#include "gateway/session/websocket/backend_end.h"

namespace holdfast {

// A backend that speaks WebSocket itself. Messages are read and written anew, never spliced, and pass in parts of any length.
class SocketBackend final : public BackendEnd, UpstreamHandler {
 public:
  SocketBackend(Gateway& gateway, const HeldRequest& request, const Target& target, User& user);
  ~SocketBackend() override;

  void open() override;
  bool send(WsMessageType type, std::string data, bool first, bool last) override;
  void close(int code, std::string_view reason) override;
  bool client_gone() override { return true; }
  bool client_fault(int code) override;
  void pause() override;
  void resume() override;

 private:
  struct Opening;

  void on_send_ready() override;
  void on_head(ResponseHead head, BodyFraming framing) override;
  void on_body(Bytes piece) override;
  void on_end() override;
  void on_error(UpstreamError error, const std::string& text) override;

  void refused();

  Gateway& gateway_;
  User& user_;
  std::unique_ptr<Opening> opening_;  // until the verdict
  std::unique_ptr<UpstreamCall> call_;
  WsReader reader_;
  bool* destroyed_ = nullptr;  // set while the user may destroy this
  bool waiting_ = false;       // send() said false
  bool close_got_ = false;
};

}  // namespace holdfast
