#include <algorithm>
#include <utility>

#include "gateway/base/log.h"
#include "gateway/hub/shard_state.h"

namespace holdfast {

// ---- subscriptions

Subscription::Subscription(Subscription&& other) noexcept : listener_(other.listener_), kind_(other.kind_) {
  if (other.channel_ != nullptr) other.channel_->shard.move(other, *this);
}

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (channel_ != nullptr) channel_->shard.unsubscribe(*this, false);
  listener_ = other.listener_;
  kind_ = other.kind_;
  if (other.channel_ != nullptr) other.channel_->shard.move(other, *this);
  return *this;
}

Subscription::~Subscription() {
  if (channel_ != nullptr) channel_->shard.unsubscribe(*this, false);
}

const std::string& Subscription::channel() const { return channel_->name; }

// ---- the shard's public face

HubShard::HubShard(Hub& hub, size_t index, Timers& timers, std::function<void(std::function<void()>)> post, const HubOptions& options,
                   Metrics& metrics)
    : state_(std::make_unique<State>(*this, hub, index, timers, std::move(post), options, metrics)) {}

HubShard::~HubShard() {
  state_->hub.remove(state_->index);
  std::lock_guard lock(state_->door->mutex);
  state_->door->post = nullptr;
}

void HubShard::subscribe(Subscription& subscription, const SubscribeRequest& request) {
  if (subscription.channel_ != nullptr) unsubscribe(subscription, false);
  HubChannel& channel = state_->channel(request.channel);
  subscription.channel_ = &channel;
  subscription.index_ = static_cast<uint32_t>(channel.pending.size());
  subscription.live_ = false;
  subscription.overflowed_ = false;
  channel.pending.push_back({&subscription, request.since && request.since->known() ? request.since : std::nullopt});
  if (++channel.listeners == 1 && channel.extra) channel.extra->linger.reset();
  ++state_->subscriptions;
  state_->subscription_gauge.add();
  if (auto* watcher = state_->hub.watcher()) watcher->on_listener(channel.name, subscription.kind_, true);
  if (channel.phase == HubChannel::Phase::live) state_->queue_settle(channel);
}

void HubShard::unsubscribe(Subscription& subscription, bool linger) {
  if (subscription.channel_ != nullptr) state_->remove(subscription, linger);
}

void HubShard::move(Subscription& from, Subscription& to) { state_->move(from, to); }

std::optional<std::string> HubShard::last_id(std::string_view channel) const {
  const HubChannel* found = state_->find(channel);
  return found != nullptr ? found->sequence.last_id() : std::nullopt;
}

void HubShard::forget_last_id(std::string_view channel) {
  if (HubChannel* found = state_->find(channel)) found->sequence.forget();
}

void HubShard::forget_all_ids() {
  for (auto& [name, channel] : state_->channels) channel->sequence.forget();
}

HubShard::Counts HubShard::listeners(std::string_view channel) const {
  const HubChannel* found = state_->find(channel);
  return found != nullptr ? State::count(*found) : Counts{};
}

std::vector<std::pair<std::string, HubShard::Counts>> HubShard::listed(std::string_view prefix, size_t most) const {
  std::vector<std::pair<std::string, Counts>> out;
  for (const auto& [name, channel] : state_->channels) {
    if (out.size() == most) break;
    if (channel->listeners == 0 || !std::string_view(name).starts_with(prefix)) continue;
    const Counts counts = State::count(*channel);
    if (std::any_of(counts.begin() + 1, counts.end(), [](size_t count) { return count > 0; })) out.emplace_back(name, counts);
  }
  return out;
}

size_t HubShard::channels() const { return state_->channels.size(); }
size_t HubShard::subscriptions() const { return state_->subscriptions; }

std::weak_ptr<void> HubShard::alive() const { return state_->alive; }
TimePoint HubShard::now() const { return state_->timers.now(); }

void HubShard::revisit_in(const std::string& channel, Duration delay) {
  const TimePoint at = state_->timers.now() + delay;
  const bool earliest = state_->agenda.empty() || at < state_->agenda.begin()->first;
  state_->agenda.emplace(at, channel);
  if (earliest) state_->timers.set_at(state_->agenda_timer, at);
}

void HubShard::on_delivered(Delivered told) { state_->delivered = std::move(told); }

void HubShard::broker_back() { state_->broker_back(); }

// ---- its inside

HubShard::Counts HubShard::State::count(const HubChannel& channel) {
  Counts out{};
  for (const Subscription* subscription : channel.live) {
    if (subscription != nullptr) ++out[subscription->kind_];
  }
  for (const auto& waiting : channel.pending) ++out[waiting.subscription->kind_];
  return out;
}

HubShard::State::State(HubShard& owner, Hub& node, size_t number, Timers& loop_timers, std::function<void(std::function<void()>)> post,
                       const HubOptions& hub_options, Metrics& metrics)
    : shard(owner),
      hub(node),
      index(number),
      timers(loop_timers),
      options(hub_options),
      door(std::make_shared<Door>()),
      ids(hub_options.id_cache_ttl),
      random(std::random_device()()),
      subscription_gauge(metrics.gauge("holdfast_subscriptions", "Subscriptions of held connections, one per connection and channel.")),
      duplicates(metrics.counter("holdfast_duplicates_dropped_total", "Messages dropped because they had been seen.")),
      garbage(metrics.counter("holdfast_publications_undecodable_total", "Publications that are no item; each is told as a gap.")),
      rate_dropped(
          metrics.counter("holdfast_deliveries_dropped_total", "Deliveries that were not made, by reason.", {{"reason", "rate"}})) {
  door->post = std::move(post);
  for (const Gap gap : {Gap::history_lost, Gap::other_epoch, Gap::ahead, Gap::broker, Gap::overflow}) {
    gaps[static_cast<size_t>(gap)] = &metrics.counter(
        "holdfast_gaps_total", "Times that a listener was told that it may have missed something.", {{"reason", to_string(gap)}});
  }
  if (options.rate > 0) {
    rated = std::make_unique<RateQueue>();
    rated->timer.set_callback([this] { send_rated(); });
  }
  agenda_timer.set_callback([this] {
    const TimePoint now = timers.now();
    std::vector<std::string> due;
    for (auto it = agenda.begin(); it != agenda.end() && it->first <= now; it = agenda.erase(it)) due.push_back(std::move(it->second));
    if (!agenda.empty()) timers.set_at(agenda_timer, agenda.begin()->first);
    hub.revisit(index, due);
  });
}

HubShard::State::~State() {
  for (auto& [name, channel] : channels) {
    for (Subscription* subscription : channel->live) {
      if (subscription != nullptr) subscription->channel_ = nullptr;
    }
    for (auto& waiting : channel->pending) waiting.subscription->channel_ = nullptr;
  }
  subscription_gauge.sub(static_cast<int64_t>(subscriptions));
}

History* HubShard::State::history() const { return hub.broker().history(); }

HubChannel* HubShard::State::find(std::string_view name) const {
  const auto it = channels.find(name);
  return it == channels.end() ? nullptr : it->second.get();
}

HubChannel* HubShard::State::find(const std::string& name, uint64_t serial) const {
  HubChannel* found = find(name);
  return found != nullptr && found->serial == serial ? found : nullptr;
}

HubChannel& HubShard::State::channel(std::string_view name) {
  if (HubChannel* found = find(name)) return *found;
  auto made = std::make_unique<HubChannel>(shard, std::string(name), ++next_serial);
  HubChannel& channel = *made;
  channels.emplace(channel.name, std::move(made));
  hub.join(index, channel.name);
  return channel;
}

Subscription* HubShard::State::take_pending(HubChannel& channel, size_t at) {
  Subscription* taken = channel.pending[at].subscription;
  if (at + 1 != channel.pending.size()) {
    channel.pending[at] = channel.pending.back();
    channel.pending[at].subscription->index_ = static_cast<uint32_t>(at);
  }
  channel.pending.pop_back();
  return taken;
}

void HubShard::State::remove(Subscription& subscription, bool linger) {
  HubChannel& channel = *subscription.channel_;
  if (!subscription.live_) {
    take_pending(channel, subscription.index_);
  } else if (channel.walks > 0) {
    channel.live[subscription.index_] = nullptr;
    channel.holes = true;
  } else {
    Subscription* moved = channel.live.back();
    channel.live[subscription.index_] = moved;
    moved->index_ = subscription.index_;
    channel.live.pop_back();
  }
  if (subscription.queued_) purge_rated(subscription);
  subscription.queued_ = false;
  subscription.live_ = false;
  subscription.channel_ = nullptr;
  --subscriptions;
  subscription_gauge.sub();
  if (auto* watcher = hub.watcher()) watcher->on_listener(channel.name, subscription.kind_, false);
  if (linger && options.subscription_linger.count() > 0) channel.keep_until = timers.now() + options.subscription_linger;
  if (--channel.listeners == 0) emptied(channel);
}

void HubShard::State::move(Subscription& from, Subscription& to) {
  HubChannel& channel = *from.channel_;
  to.channel_ = std::exchange(from.channel_, nullptr);
  to.index_ = from.index_;
  to.live_ = std::exchange(from.live_, false);
  to.overflowed_ = from.overflowed_;
  to.kind_ = from.kind_;
  to.queued_ = std::exchange(from.queued_, false);
  if (to.live_) {
    channel.live[to.index_] = &to;
  } else {
    channel.pending[to.index_].subscription = &to;
  }
  if (!to.queued_) return;
  for (auto& [name, group] : rated->groups) {
    for (auto& waiting : group.waiting) {
      if (waiting.subscription == &from) waiting.subscription = &to;
    }
  }
}

// The last listener went. During a walk this is asked again at its end.
void HubShard::State::emptied(HubChannel& channel) {
  if (channel.walks > 0) return;
  // Nobody is left to wait; the newest id is what matters to those who come back.
  std::vector<Sequencer::Message> unheard;
  channel.sequence.flush(unheard);
  if (channel.keep_until <= timers.now()) return retire(channel);
  auto& more = channel.more();
  if (!more.linger) {
    more.linger = std::make_unique<ChannelTimer>(channel, [](HubChannel& c) {
      if (c.listeners == 0 && c.walks == 0) c.shard.state_->retire(c);  // else the end of the walk does
    });
  }
  timers.set_at(*more.linger, channel.keep_until);
}

void HubShard::State::retire(HubChannel& channel) {
  if (channel.settle_queued) std::erase(to_settle, &channel);
  hub.leave(index, channel.name);
  channels.erase(channels.find(channel.name));
}

void HubShard::State::end_walk(HubChannel& channel) {
  if (--channel.walks > 0) return;
  if (channel.holes) {
    channel.holes = false;
    std::erase(channel.live, nullptr);
    for (size_t i = 0; i < channel.live.size(); ++i) channel.live[i]->index_ = static_cast<uint32_t>(i);
  }
  if (channel.listeners == 0 && !(channel.extra && channel.extra->linger && channel.extra->linger->armed())) emptied(channel);
}

void HubShard::State::queue_settle(HubChannel& channel) {
  if (std::exchange(channel.settle_queued, true)) return;
  to_settle.push_back(&channel);
  if (to_settle.size() > 1) return;
  door->send([this, guard = std::weak_ptr<char>(alive)] {
    if (guard.lock()) settle_queued();
  });
}

void HubShard::State::settle_queued() {
  // One at a time from the end: settling may retire channels that still stand in the list.
  while (!to_settle.empty()) {
    HubChannel& channel = *to_settle.back();
    to_settle.pop_back();
    channel.settle_queued = false;
    const Walk walk(*this, channel);
    settle(channel);
  }
}

// Reads history and comes back to this loop, if shard and channel are still there then.
void HubShard::State::later(void (State::*call)(HubChannel&, uint64_t, Result<HistoryPage>), HubChannel& channel, uint64_t id,
                            Position since, size_t limit) {
  history()->read(channel.name, since, limit,
                  [this, call, id, name = channel.name, serial = channel.serial, way = door,
                   guard = std::weak_ptr<char>(alive)](Result<HistoryPage> page) {
                    way->send([this, call, id, name, serial, guard, page = std::move(page)]() mutable {
                      if (!guard.lock()) return;
                      HubChannel* found = find(name, serial);
                      if (found == nullptr) return;
                      const Walk walk(*this, *found);
                      (this->*call)(*found, id, std::move(page));
                    });
                  });
}

}  // namespace holdfast
