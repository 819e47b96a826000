#pragma once

#include <array>
#include <string>
#include <string_view>

#include "control/zmq/zmq_door.h"
#include "gateway/hub/hub.h"
#include "gateway/session/session.h"

namespace holdfast {

// Tells the ZeroMQ door what happens among sessions and listeners. Threads: as the watchers say; the door must outlive the loops.
class NodeWatch final : public SessionWatcher, public ListenerWatcher {
 public:
  explicit NodeWatch(control::ZmqDoor& door) : door_(door) {}

  bool wanted(const control::ZmqOptions& options) const { return door_.stats() != nullptr || !options.sub.empty(); }

  void on_connected(const std::string& id, HoldKind kind, const std::string& peer_address) override {
    if (auto* stats = door_.stats()) stats->connected(id, kind == HoldKind::websocket ? "ws" : "http", peer_address);
  }
  void on_disconnected(const std::string& id) override {
    if (auto* stats = door_.stats()) stats->disconnected(id);
  }
  void on_listener(const std::string& channel, uint8_t kind, bool more) override {
    static constexpr std::array<std::string_view, kHoldKinds> kModes{"", "response", "stream", "ws"};
    if (auto* stats = door_.stats(); stats != nullptr && kind != 0) stats->listener(channel, kModes[kind], more);
  }
  void on_interest(const std::string& channel) override { door_.interest_changed(channel); }

 private:
  control::ZmqDoor& door_;
};

}  // namespace holdfast
