#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace holdfast {

// What a held connection is; of a Subscription too, so that listeners can be counted by kind.
enum class HoldKind : uint8_t { none, response, stream, websocket };
inline constexpr size_t kHoldKinds = 4;

// One client's life on a loop, in one of its forms: proxied, held for a response, held as a stream. The gateway owns it; a session ends
// itself with Gateway::finish, which may be called from inside any callback and destroys it. Threads: its loop.
class Session {
 public:
  virtual ~Session() = default;
  virtual HoldKind kind() const { return HoldKind::none; }
  // Where the client is, for those who watch connections; empty if that is not kept.
  virtual std::string peer_address() const { return {}; }
  // What it listens to, for those who ask.
  virtual std::vector<std::string> channels() const { return {}; }
  // Ids were forgotten: a hold asks its backend again.
  virtual void recover() {}
  // The node goes away, or an operator wants it: a hold ends in the right form for its kind. False: not a hold, it ends by itself.
  virtual bool drain() { return false; }
  // Has a backend that knows only HTTP speak. False: there is none.
  virtual bool refresh() { return false; }

 protected:
  uint32_t serial() const { return serial_; }

 private:
  friend class Gateway;
  uint32_t place_ = 0;
  uint32_t serial_ = 0;  // of this loop; part of the connection's id
};

// Hears of held connections as they come and go. Threads: called on each loop; must not block.
class SessionWatcher {
 public:
  virtual ~SessionWatcher() = default;
  virtual void on_connected(const std::string& id, HoldKind kind, const std::string& peer_address) = 0;
  virtual void on_disconnected(const std::string& id) = 0;
};

}  // namespace holdfast
