#include "gateway/session/websocket/test_backend.h"

#include <nlohmann/json.hpp>

#include "gateway/grip/ws_control.h"
#include "gateway/session/websocket/ws_request.h"

namespace holdfast {

namespace {
constexpr size_t kFull = 65536;
}

TestBackend::TestBackend(Gateway& gateway, const HeldRequest& request, const Target& target, User& user) : gateway_(gateway), user_(user) {
  const auto head = websocket_request_head(gateway, request, target);
  resource_ = test_resource(request.head.target, request.route->path_begin);
  grip_ = parse_grip_extension(head.headers.all("Sec-WebSocket-Extensions")).on;
}

// Users are never called from inside a call of theirs.
void TestBackend::later(std::function<void()> work) {
  gateway_.loop().post([alive = std::weak_ptr<char>(alive_), work = std::move(work)] {
    if (!alive.expired()) work();
  });
}

void TestBackend::open() {
  later([this] {
    if (resource_.path == "/ws") return accept();
    auto answer = test_answer({"", {}});
    user_.on_refused(std::move(answer.head), Bytes(std::move(answer.body)));
  });
}

void TestBackend::accept() {
  const std::weak_ptr<char> alive = alive_;
  Headers headers;
  if (grip_) headers.add("Sec-WebSocket-Extensions", "grip");
  user_.on_accepted(std::move(headers));
  if (!grip_) return;
  for (const auto& channel : resource_.channels) {
    if (!alive.expired())
      user_.on_backend_message(WsMessageType::text, "c:" + nlohmann::json{{"type", "subscribe"}, {"channel", channel}}.dump(), true, true);
  }
}

bool TestBackend::send(WsMessageType type, std::string data, bool first, bool last) {
  if (type == WsMessageType::ping) type = WsMessageType::pong;
  if (grip_ && first && (type == WsMessageType::text || type == WsMessageType::binary)) data.insert(0, "m:");
  under_way_ += data.size();
  later([this, type, data = std::move(data), first, last] {
    const bool was_full = under_way_ >= kFull;
    under_way_ -= data.size();
    const std::weak_ptr<char> alive = alive_;
    user_.on_backend_message(type, data, first, last);
    if (!alive.expired() && was_full && under_way_ < kFull) user_.on_backend_room();
  });
  return under_way_ < kFull;
}

void TestBackend::close(int code, std::string_view reason) {
  later([this, code, text = std::string(reason)] { user_.on_backend_close(code, text); });
}

}  // namespace holdfast
