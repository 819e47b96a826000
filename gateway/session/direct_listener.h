#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"

namespace holdfast {

// What a client without GRIP formats gets of a message: the stream content, else the response body (or the other way round).
const Bytes* direct_content(const Item& item, bool stream);

// What a client says it has (Last-Event-ID, or X-Holdfast-Position); empty: nothing.
std::string_view position_token(const RequestHead& head);
inline constexpr std::string_view kPositionHeader = "X-Holdfast-Position";

// What all kinds of direct hold share: the channels, and where the client stands on each.
class DirectListener : public Session, public Listener, public Timer {
 public:
  DirectListener(Gateway& gateway, const HeldRequest& request) : gateway_(gateway), group_(gateway.rate_group(*request.route)) {}

  // Last of a start: it may end the hold. `token`: what the client says it has; empty: nothing.
  void listen(const std::vector<std::string>& names, std::string_view token) {
    std::vector<std::string_view> views(names.begin(), names.end());
    std::optional<std::vector<Position>> since;
    bad_token_ = false;
    if (!token.empty()) {
      since = parse_token(token, views);
      bad_token_ = !since;
    }
    fresh_ = !since;
    for (size_t i = 0; i < names.size(); ++i) {
      slots_.push_back(std::make_unique<Slot>(*this, kind()));
      slots_.back()->name = names[i];
      if (since) slots_.back()->at = (*since)[i];
    }
    for (auto& slot : slots_) {
      gateway_.hub().subscribe(slot->subscription, {slot->name, since ? std::optional(slot->at) : std::nullopt});
    }
  }

  std::vector<std::string> channels() const final {
    std::vector<std::string> out;
    for (const auto& slot : slots_) out.push_back(slot->name);
    return out;
  }

  ~DirectListener() override {
    for (auto& slot : slots_) gateway_.hub().unsubscribe(slot->subscription, true);
  }

 protected:
  struct Slot {
    Slot(Listener& listener, HoldKind kind) : subscription(listener, static_cast<uint8_t>(kind)) {}
    Subscription subscription;
    std::string name;
    Position at;  // of the newest message the client was sent; what a token is made of
    bool live = false;
  };

  Slot& slot_of(const Subscription& subscription) {
    size_t i = 0;
    while (&slots_[i]->subscription != &subscription) ++i;
    return *slots_[i];
  }

  std::string token() const {
    std::vector<ChannelPosition> positions;
    for (const auto& slot : slots_) {
      if (!slot->at.known()) return {};
      positions.push_back({slot->name, slot->at});
    }
    return format_token(positions);
  }

  bool all_live() const {
    return std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->live; });
  }

  void on_subscribed(Subscription& subscription, Position top) final {
    auto& slot = slot_of(subscription);
    slot.live = true;
    if (fresh_) slot.at = top;
    if (all_live() && fresh_) on_start(bad_token_);
  }
  void on_message(Subscription& subscription, const Delivery& delivery) final {
    auto& slot = slot_of(subscription);
    if (delivery.position().known()) slot.at = delivery.position();
    on_delivery(delivery);
  }
  void on_gap(Subscription& subscription, Gap gap, Position top) final {
    auto& slot = slot_of(subscription);
    // Told once: whoever comes back goes on behind the gap.
    if (top.known()) slot.at = top;
    on_missed(to_string(gap));
  }
  std::string_view rate_group() const final { return group_; }

  virtual void on_start(bool bad_token) = 0;
  virtual void on_delivery(const Delivery& delivery) = 0;
  virtual void on_missed(std::string_view reason) = 0;

  Gateway& gateway_;
  const std::string& group_;
  std::vector<std::unique_ptr<Slot>> slots_;
  bool fresh_ = true;
  bool bad_token_ = false;
};

}  // namespace holdfast
