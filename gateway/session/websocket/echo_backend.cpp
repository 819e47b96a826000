#include "gateway/session/websocket/echo_backend.h"

namespace holdfast {

namespace {
constexpr size_t kFull = 65536;
}

// Users are never called from inside a call of theirs.
void EchoBackend::later(std::function<void()> work) {
  gateway_.loop().post([alive = std::weak_ptr<char>(alive_), work = std::move(work)] {
    if (!alive.expired()) work();
  });
}

void EchoBackend::open() {
  later([this] { user_.on_accepted({}); });
}

bool EchoBackend::send(WsMessageType type, std::string data, bool first, bool last) {
  if (type == WsMessageType::ping) type = WsMessageType::pong;
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

void EchoBackend::close(int code, std::string_view reason) {
  later([this, code, text = std::string(reason)] { user_.on_backend_close(code, text); });
}

}  // namespace holdfast
