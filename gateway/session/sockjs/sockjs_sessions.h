#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "gateway/net/remote.h"

namespace holdfast {

class SockjsSession;

// The node's SockJS sessions that are carried by requests. A session lives on the loop whose request opened it; its other requests arrive
// wherever the kernel spreads their connections, and find it here.
//
// Who runs where:
//   SockjsSession, its SockjsEnd and WsSession    on the loop that opened the session;
//   SockjsReceiver, SockjsSender                  each on the loop of its own connection; the only one to touch its exchange.
// Neither calls the other: both ways go through Remote, on the same loop too, so that there is one path and one order. A Remote's order is
// what makes "written, then left" and "sent, then asked for the answer" arrive as they happened.
//
// Threads: any. The lock is held for a look-up only; nothing is called or posted under it.
class SockjsSessions {
 public:
  static constexpr size_t kMost = 100'000;
  explicit SockjsSessions(size_t most = kMost) : most_(most) {}

  std::optional<Remote<SockjsSession>> find(const std::string& key) const;

  // The session, or a place for a new one on the door's loop, that the caller makes before it returns to its loop: of two loops that ask at
  // once, one makes it. nullopt: there are too many.
  struct Claim {
    Remote<SockjsSession> session;
    bool is_new = false;
  };
  std::optional<Claim> claim(const std::string& key, const std::shared_ptr<LoopDoor>& door);
  // Forgets the key if it is still this session's.
  void remove(const std::string& key, const Remote<SockjsSession>& session);

 private:
  const size_t most_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Remote<SockjsSession>> sessions_;
};

}  // namespace holdfast
