#pragma once

#include <string>

#include "gateway/session/gateway.h"
#include "gateway/session/sockjs/sockjs_frames.h"
#include "gateway/session/websocket/socket_end.h"

namespace holdfast {

// The client's end of a WebSocket session whose client speaks SockJS over a WebSocket: frames in text messages.
class SockjsSocket final : public ClientEnd, ClientEnd::User, Timer {
 public:
  SockjsSocket(Gateway& gateway, Exchange& exchange, const RequestHead& request, ClientEnd::User& user);
  ~SockjsSocket() override;

  void accept(const Headers& headers, std::string_view raw_extensions) override;
  void refuse(const ResponseHead& head, Bytes body) override { socket_.refuse(head, std::move(body)); }
  WriteResult relay(WsMessageType type, std::string_view data, bool first, bool last) override;
  WriteResult send(WsMessageType type, const Bytes& content, const Delivery* shared) override;
  bool over() const override { return socket_.over(); }
  void close(int code, std::string_view reason) override;
  void end() override { socket_.end(); }
  void pause() override { socket_.pause(); }
  void resume() override { socket_.resume(); }

 private:
  void on_client_message(WsMessageType type, std::string data, bool first, bool last) override;
  void on_client_close(int code, const std::string& reason) override;
  void on_client_fault(int code) override;
  void on_client_gone() override { user_.on_client_gone(); }
  void on_client_writable() override { user_.on_client_writable(); }
  void on_timer() override;

  void take(const std::string& text);
  WriteResult write(std::string_view frame);

  Gateway& gateway_;
  ClientEnd::User& user_;
  SocketEnd socket_;
  SockjsAssembler assembler_;
  std::string parts_;          // of the client's message
  bool* destroyed_ = nullptr;  // set while the user may destroy this
  bool close_got_ = false;
  bool lost_ = false;  // the user is to be told that the client is gone
};

}  // namespace holdfast
