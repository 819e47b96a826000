#include "gateway/hub/rate_queue.h"

#include <utility>

#include "gateway/hub/shard_state.h"

namespace holdfast {

namespace {
constexpr Duration kBatch{50};
}

// As run(), with a question per listener. Only used when a rate is set.
bool HubShard::State::run_rated(FanOut& walk) {
  HubChannel& channel = *walk.channel;
  const TimePoint now = timers.now();
  std::shared_ptr<const RateQueue::Shared> shared;
  size_t some = 0;
  for (; walk.next < walk.end; ++walk.next) {
    Subscription* subscription = channel.live[walk.next];
    if (subscription == nullptr) continue;
    const std::string_view name = subscription->listener_->rate_group();
    RateQueue::Group& group = rated->groups[std::string(name)];
    if (group.limit == nullptr) group.limit = &hub.rates().group(name);

    if (group.waiting.empty() && group.limit->take(now)) {
      if (std::exchange(subscription->overflowed_, false)) {
        count_gap(channel, Gap::overflow, 1);
        subscription->listener_->on_gap(*subscription, Gap::overflow, walk.publication->previous);
        subscription = channel.live[walk.next];
        if (subscription == nullptr) continue;
      }
      subscription->listener_->on_message(*subscription, walk.delivery);
      ++some;
    } else if (group.limit->wait()) {
      if (!shared) shared = std::make_shared<const RateQueue::Shared>(RateQueue::Shared{walk.publication, walk.delivery});
      const bool gap = std::exchange(subscription->overflowed_, false);
      subscription->queued_ = true;
      group.waiting.push_back({subscription, shared, gap, Gap::overflow, walk.publication->previous});
      if (!rated->timer.armed()) timers.set_in(rated->timer, kBatch);
    } else {
      rate_dropped.add();
      subscription->overflowed_ = true;
    }
  }
  if (delivered && some > 0) delivered(walk.delivery, some);
  return true;
}

void HubShard::State::send_rated() {
  const TimePoint now = timers.now();
  bool left = false;
  // Listeners that are called may purge entries but never add or remove any. Groups are never removed either.
  for (auto& [name, group] : rated->groups) {
    while (!group.waiting.empty()) {
      RateQueue::Waiting& front = group.waiting.front();
      if (front.subscription != nullptr && front.message && !group.limit->take(now)) break;
      if (front.gap && front.subscription != nullptr) {
        if (front.message) count_gap(*front.subscription->channel_, front.reason, 1);
        front.subscription->listener_->on_gap(*front.subscription, front.reason, front.top);
      }
      if (front.message && front.subscription != nullptr) {
        front.subscription->listener_->on_message(*front.subscription, front.message->delivery);
        if (delivered) delivered(front.message->delivery, 1);
      }
      if (front.message) group.limit->give_back();
      group.waiting.pop_front();
    }
    left = left || !group.waiting.empty();
  }
  if (left) timers.set_in(rated->timer, kBatch);
}

void HubShard::State::purge_rated(const Subscription& subscription) {
  for (auto& [name, group] : rated->groups) {
    for (auto& waiting : group.waiting) {
      if (waiting.subscription == &subscription) waiting.subscription = nullptr;
    }
  }
}

// Behind what waits for this listener, or it would be told too early.
void HubShard::State::tell_gap_rated(Subscription& subscription, Gap gap, Position top) {
  RateQueue::Group& group = rated->groups[std::string(subscription.listener_->rate_group())];
  if (group.waiting.empty()) return subscription.listener_->on_gap(subscription, gap, top);
  group.waiting.push_back({&subscription, nullptr, true, gap, top});
}

}  // namespace holdfast
