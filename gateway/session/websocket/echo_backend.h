#pragma once

#include <memory>

#include "gateway/session/gateway.h"
#include "gateway/session/websocket/backend_end.h"

namespace holdfast {

// The `test` target: accepts every WebSocket and sends its messages back.
class EchoBackend final : public BackendEnd {
 public:
  EchoBackend(Gateway& gateway, User& user) : gateway_(gateway), user_(user) {}

  void open() override;
  bool send(WsMessageType type, std::string data, bool first, bool last) override;
  void close(int code, std::string_view reason) override;
  bool client_gone() override { return true; }
  bool client_fault(int) override { return true; }
  void pause() override {}
  void resume() override {}

 private:
  void later(std::function<void()> work);

  Gateway& gateway_;
  User& user_;
  size_t under_way_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace holdfast
