#include "gateway/app/channel_watches.h"

#include <algorithm>

namespace holdfast {

using control::WatchEvent;
using control::WatchFeed;

class ChannelWatches::One final : public Listener {
 public:
  One(ChannelWatches& all, std::shared_ptr<WatchFeed> feed) : all_(all), feed_(std::move(feed)), subscription_(*this) {}
  ~One() override {
    feed_->end("the node stops");
    all_.hub_.unsubscribe(subscription_, false);
  }

  void listen(const std::string& channel, std::optional<Position> since) {
    all_.hub_.subscribe(subscription_, {channel, since});
    if (feed_->until()) keep_time();
  }

 private:
  void on_subscribed(Subscription&, Position top) override { push({.kind = WatchEvent::Kind::live, .position = top}); }
  void on_message(Subscription&, const Delivery& delivery) override {
    push({.position = delivery.position(), .time = delivery.published(), .item = delivery.shared_item()});
  }
  void on_gap(Subscription&, Gap gap, Position top) override {
    push({.kind = WatchEvent::Kind::gap, .position = top, .reason = to_string(gap)});
  }
  // May destroy this.
  void push(WatchEvent event) {
    if (!feed_->push(std::move(event))) all_.drop(feed_.get());
  }

  // The wall clock may be set, so it is looked at now and then.
  void keep_time() {
    constexpr Duration kLook{60'000};
    const auto left = std::chrono::ceil<Duration>(*feed_->until() - all_.timers_.clock().wall());
    if (left.count() > 0) return all_.timers_.set_in(expiry_, std::min(left, kLook));
    feed_->end(std::string(WatchFeed::kExpired));
    all_.drop(feed_.get());
  }

  ChannelWatches& all_;
  const std::shared_ptr<WatchFeed> feed_;
  Subscription subscription_;
  CallbackTimer expiry_{[this] { keep_time(); }};
};

ChannelWatches::ChannelWatches(HubShard& hub, Timers& timers, std::shared_ptr<LoopDoor> door)
    : hub_(hub), timers_(timers), door_(std::move(door)) {}
ChannelWatches::~ChannelWatches() { *self_ = nullptr; }

void ChannelWatches::add(const std::string& channel, std::optional<Position> since, std::shared_ptr<WatchFeed> feed) {
  auto& one = all_[feed.get()];
  one = std::make_unique<One>(*this, feed);
  // Weak, and not by its address alone: another feed may live there by the time this is run.
  feed->on_close([door = door_, self = self_, weak = std::weak_ptr<WatchFeed>(feed)] {
    door->post([self, weak] {
      if (const auto closed = weak.lock(); closed && *self != nullptr) (*self)->drop(closed.get());
    });
  });
  one->listen(channel, since);  // may be over at once
}

void ChannelWatches::drop(const WatchFeed* feed) { all_.erase(feed); }

}  // namespace holdfast
