#pragma once

#include <memory>

#include "gateway/session/gateway.h"
#include "gateway/session/test_target.h"
#include "gateway/session/websocket/backend_end.h"

namespace holdfast {

// The WebSocket of the `test` target (gateway/session/test_target.h).
class TestBackend final : public BackendEnd {
 public:
  TestBackend(Gateway& gateway, const HeldRequest& request, const Target& target, User& user);

  void open() override;
  bool send(WsMessageType type, std::string data, bool first, bool last) override;
  void close(int code, std::string_view reason) override;
  bool client_gone() override { return true; }
  bool client_fault(int) override { return true; }
  void pause() override {}
  void resume() override {}

 private:
  void later(std::function<void()> work);
  void accept();

  Gateway& gateway_;
  User& user_;
  TestResource resource_;
  bool grip_;
  size_t under_way_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace holdfast
