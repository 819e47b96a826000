#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"
#include "gateway/session/hold_channels.h"

namespace holdfast {

class LinkFollower;

// A response that stays open: messages are appended to it. The plain kind (a channel, perhaps a keep-alive) owns little more than its
// subscription; what links need is in Links, only when there are any.
class StreamHold final : public Session, ExchangeObserver, HoldChannels::Owner, Timer {
 public:
  // The response has begun (chunked). `instruct` without a hold but with a next link starts by following that.
  static void start(Gateway& gateway, Exchange& exchange, const HeldRequest& request, Instruct instruct, size_t target);

  StreamHold(Gateway& gateway, Exchange& exchange, const HeldRequest& request);
  ~StreamHold() override;

  HoldKind kind() const override { return HoldKind::stream; }
  std::string peer_address() const override { return exchange_->peer().address; }
  std::vector<std::string> channels() const override { return channels_.names(); }
  void recover() override;
  bool drain() override;

 private:
  friend class LinkFollower;

  // What is written when nothing else is; equal ones are shared between holds of a loop.
  struct KeepAliveShape {
    Rendering content;
    std::chrono::seconds timeout;
    KeepAliveMode mode;
  };
  struct Links {
    std::shared_ptr<const RouteTable> table;  // keeps `route` alive
    const Route* route;
    size_t target;
    bool secure;
    std::string host, uri;  // what relative links are resolved against
    std::optional<NextLink> next;
    std::optional<std::string> gone;
    std::vector<std::string> implicit;
    CallbackTimer timer;
    TimePoint active;  // last activity on a channel
    TimePoint asked;   // when the link was fetched last
    std::unique_ptr<LinkFollower> follower;
  };

  void on_body(Bytes, bool) override {}
  void on_writable() override;
  void on_gone() override { finish(); }
  void on_timer() override;

  HoldKind hold_kind() const override { return HoldKind::stream; }
  bool wants(const Item& item) const override { return item.http_stream.has_value(); }
  void on_item(const Item& item, const Delivery* shared, HoldChannels& channels, size_t channel) override;
  void on_unsure(bool at_once) override;
  void on_gap(Gap gap) override;

  void apply(const Instruct& instruct, WallTime asked_at);
  void set_keep_alive(const KeepAlive& keep_alive);
  void arm_keep_alive(TimePoint from);
  void arm_link();
  void follow(Duration delay);
  void end(const std::string& debug_text);
  void finish();
  TimePoint now() { return gateway_.timers().now(); }

  Gateway& gateway_;
  Exchange* exchange_;
  HoldChannels channels_;
  std::shared_ptr<const KeepAliveShape> keep_alive_;
  TimePoint last_write_;
  std::unique_ptr<Links> links_;
  bool sse_ = false;
};

}  // namespace holdfast
