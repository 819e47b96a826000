#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/grip/ws_control.h"
#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"
#include "gateway/session/hold_channels.h"
#include "gateway/session/websocket/backend_end.h"
#include "gateway/session/websocket/client_end.h"

namespace holdfast {

// A client's WebSocket with a backend behind it: messages go both ways, the backend's control messages subscribe it to channels, and what
// is published there goes to the client. It asks one target after the other until one answers the handshake, and lives until both sides
// know that it is over.
class WsSession final : public Session, ClientEnd::User, BackendEnd::User, HoldChannels::Owner {
 public:
  using MakeClient = std::function<std::unique_ptr<ClientEnd>(ClientEnd::User&)>;
  // `make_client` is called once, at once. `request`: the handshake as the backend shall see it.
  static void start(Gateway& gateway, std::unique_ptr<HeldRequest> request, const MakeClient& make_client);

  WsSession(Gateway& gateway, std::unique_ptr<HeldRequest> request, const MakeClient& make_client);
  ~WsSession() override;

  HoldKind kind() const override { return HoldKind::websocket; }
  std::string peer_address() const override { return opening_ ? opening_->request->peer.address : std::string(); }
  std::vector<std::string> channels() const override { return channels_.names(); }
  bool drain() override;
  bool refresh() override { return backend_ && backend_->refresh(); }

 private:
  struct Opening {
    std::unique_ptr<HeldRequest> request;
    std::string tried;
  };
  // What few sessions use.
  struct KeepAliveMessage {
    Bytes content;
    WsMessageType type;
    std::chrono::seconds timeout;
    KeepAliveMode mode;
  };
  struct Extras {
    std::string prefix;
    std::string kept;  // of a message whose fate is undecided, or of a control message
    CallbackTimer close_timer;
    std::optional<KeepAliveMessage> keep_alive;
    CallbackTimer keep_alive_timer;
    TimePoint last_sent;
    std::optional<std::pair<WsMessageType, Bytes>> delayed;
    CallbackTimer delayed_timer;
  };
  // What is done with the backend's present message.
  enum class Fate : uint8_t { undecided, relay, control, drop };

  const Route& route() const { return *route_; }
  Extras& extras();

  void try_target();
  void next_target(const std::string& tried);
  void refuse(int status, const std::string& text);

  void on_client_message(WsMessageType type, std::string data, bool first, bool last) override;
  void on_client_close(int code, const std::string& reason) override;
  void on_client_fault(int code) override;
  void on_client_gone() override;
  void on_client_writable() override;

  void on_accepted(Headers headers) override;
  void on_refused(ResponseHead head, Bytes body) override;
  void on_unreachable(const std::string& tried) override;
  void on_open_failed(int status, const std::string& reason) override;
  void on_backend_message(WsMessageType type, std::string data, bool first, bool last) override;
  void on_backend_close(int code, std::string_view reason) override;
  void on_backend_gone(const std::string& reason) override;
  void on_backend_room() override;
  void on_backend_done() override;

  HoldKind hold_kind() const override { return HoldKind::websocket; }
  bool wants(const Item& item) const override { return item.ws_message.has_value(); }
  void on_item(const Item& item, const Delivery* shared, HoldChannels& channels, size_t channel) override;
  void on_unsure(bool) override {}
  void on_gap(Gap gap) override;

  void relay(WsMessageType type, std::string_view data, bool first, bool last);
  void send(WsMessageType type, const Bytes& content, const Delivery* shared);
  void obey(std::string_view json);
  void set_keep_alive(const WsControl& control);
  void arm_keep_alive(TimePoint from);
  void on_keep_alive();
  void flush_delayed();

  void close_both(int code, std::string_view reason);
  void expect_close();
  void give_up();
  void settle();

  Gateway& gateway_;
  std::shared_ptr<const RouteTable> table_;  // keeps route_ alive
  const Route* route_;
  std::unique_ptr<Opening> opening_;     // until the verdict
  std::unique_ptr<ClientEnd> client_;    // null: gone
  std::unique_ptr<BackendEnd> backend_;  // null: gone, or told all
  HoldChannels channels_;
  std::unique_ptr<Extras> extras_;
  const std::string* prefix_ = nullptr;  // of messages for the client; null: all are, and there are no control messages
  uint32_t target_ = 0;
  Fate fate_ = Fate::undecided;
  uint16_t fault_ = 0;  // the code to close with once the backend has answered what came before
  bool open_ : 1 = false;
  bool detached_ : 1 = false;
  bool client_close_sent_ : 1 = false;
  bool client_close_got_ : 1 = false;
  bool backend_close_sent_ : 1 = false;
  bool backend_close_got_ : 1 = false;
};

}  // namespace holdfast
