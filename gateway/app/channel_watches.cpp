#include "gateway/app/channel_watches.h"

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

  void listen(const std::string& channel, std::optional<Position> since) { all_.hub_.subscribe(subscription_, {channel, since}); }

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

  ChannelWatches& all_;
  const std::shared_ptr<WatchFeed> feed_;
  Subscription subscription_;
};

ChannelWatches::ChannelWatches(HubShard& hub, std::shared_ptr<LoopDoor> door) : hub_(hub), door_(std::move(door)) {}
ChannelWatches::~ChannelWatches() { *self_ = nullptr; }

void ChannelWatches::add(const std::string& channel, std::optional<Position> since, std::shared_ptr<WatchFeed> feed) {
  auto& one = all_[feed.get()];
  one = std::make_unique<One>(*this, feed);
  one->listen(channel, since);
  feed->on_close([door = door_, self = self_, feed = feed.get()] {
    door->post([self, feed] {
      if (*self != nullptr) (*self)->drop(feed);
    });
  });
}

void ChannelWatches::drop(const WatchFeed* feed) { all_.erase(feed); }

}  // namespace holdfast
