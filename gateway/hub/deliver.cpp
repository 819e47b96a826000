#include <utility>

#include "gateway/base/log.h"
#include "gateway/hub/shard_state.h"
#include "gateway/message/item_codec.h"

namespace holdfast {

namespace {
// Messages kept while a channel joins or is repaired.
constexpr size_t kMostBuffered = 10'000;
}  // namespace

std::shared_ptr<const Item> HubShard::decode_item(const Publication& publication) {
  auto item = decode(publication.envelope.view(), publication.channel);
  if (!item) return nullptr;
  return std::make_shared<const Item>(std::move(*item));
}

void HubShard::deliver(const PublicationPtr& publication) {
  HubChannel* channel = state_->find(publication->channel);
  if (channel == nullptr) return;
  const State::Walk walk(*state_, *channel);
  if (channel->phase == HubChannel::Phase::live) {
    state_->take(*channel, publication);
    state_->drain(*channel);  // what a broken chain put back
  } else {
    state_->keep(*channel, publication);
  }
}

void HubShard::gap(const std::string& name) {
  HubChannel* channel = state_->find(name);
  if (channel == nullptr) return;
  const State::Walk walk(*state_, *channel);
  if (channel->phase != HubChannel::Phase::live) return state_->keep(*channel, nullptr);
  state_->suspect(*channel);
  state_->drain(*channel);
}

// Work of a loop's turn: the hub hands over mail until the turn is over, then lets the loop serve its sockets.
void HubShard::begin_turn(size_t deliveries) {
  state_->budget = deliveries;
  if (!state_->paused || !state_->run(*state_->paused)) return;
  HubChannel& channel = *state_->paused->channel;
  state_->paused.reset();
  state_->end_walk(channel);
}

bool HubShard::turn_over() {
  if (state_->budget > 0) --state_->budget;  // mail for nobody costs something too
  return state_->budget == 0 || state_->paused.has_value();
}

void HubShard::end_turn() { state_->budget = SIZE_MAX; }

// ---- one publication

void HubShard::State::take(HubChannel& channel, const PublicationPtr& publication) {
  const Position at = publication->position;
  if (at.known() && channel.last.known()) {
    if (at.epoch == channel.last.epoch && at.offset <= channel.last.offset) return duplicates.add();
    const bool chained = publication->previous.known() ? publication->previous == channel.last : at.epoch == channel.last.epoch;
    if (!chained) {
      if (channel.listeners == 0) return accept(channel, publication);  // nobody was promised anything
      channel.more().buffer.push_front(publication);
      return suspect(channel);
    }
    if (channel.extra) channel.extra->fills = 0;
  }
  accept(channel, publication);
}

// The next message of the channel.
void HubShard::State::accept(HubChannel& channel, const PublicationPtr& publication) {
  const Position before = std::exchange(channel.last, publication->position.known() ? publication->position : channel.last);
  channel.last_time = timers.clock().wall();
  auto item = decode_item(*publication);
  if (!item) {
    remember(channel, {nullptr, publication});
    garbage.add();
    log::warn("A publication is no item; its listeners are told of a gap.",
              {{"channel", channel.name}, {"bytes", publication->envelope.size()}});
    send_waiting_before_gap(channel);
    return tell_gap(channel, Gap::broker, channel.last);
  }
  if (item->id && ids.seen(channel.name, *item->id, publication->position, timers.now()) != nullptr) return duplicates.add();
  remember(channel, {item, publication});
  if (channel.listeners == 0) return channel.sequence.note(*item);
  if (channel.sequence.pass(*item)) return fan_out(channel, std::move(item), publication);

  std::vector<Sequencer::Message> out;
  channel.sequence.add({std::move(item), publication, before, timers.now() + options.reorder_wait},
                       static_cast<size_t>(options.max_waiting), out);
  send(channel, out);
}

// For those who catch up. Past the bound their pages have to reach this far.
void HubShard::State::remember(HubChannel& channel, RecentMessage message) {
  if (!channel.extra || channel.extra->catch_ups.empty()) return;
  auto& more = *channel.extra;
  if (more.recent.size() >= static_cast<size_t>(options.catch_up_limit)) {
    more.recent.clear();
    for (auto& reading : more.catch_ups) reading.reach = channel.last;
    return;
  }
  more.recent.push_back(std::move(message));
}

// While messages wait for their predecessors, what is sent has no position: a client that comes back with it would miss those that waited.
// The last one has the position up to which everything was sent.
void HubShard::State::send(HubChannel& channel, std::vector<Sequencer::Message>& messages) {
  for (size_t i = 0; i < messages.size(); ++i) {
    const bool last = i + 1 == messages.size() && !channel.sequence.waits();
    const Position position = last ? channel.last : Position();
    auto& message = messages[i];
    PublicationPtr publication = std::move(message.publication);
    if (publication->position != position) {
      auto moved = std::make_shared<Publication>(*publication);
      moved->position = position;
      publication = std::move(moved);
    }
    fan_out(channel, std::move(message.item), publication);
  }
  if (channel.sequence.waits()) return arm_reorder(channel);
  if (channel.extra && !channel.extra->catch_ups.empty()) queue_settle(channel);  // they wait for the waiting ones to go
}

void HubShard::State::arm_reorder(HubChannel& channel) {
  auto& more = channel.more();
  if (!more.reorder) {
    more.reorder = std::make_unique<ChannelTimer>(channel, [](HubChannel& c) {
      State& state = *c.shard.state_;
      const Walk walk(state, c);
      std::vector<Sequencer::Message> out;
      c.sequence.expire(state.timers.now(), out);
      state.send(c, out);
    });
  }
  timers.set_at(*more.reorder, channel.sequence.next_due());
}

void HubShard::State::send_waiting_before_gap(HubChannel& channel) {
  if (!channel.sequence.waits()) return;
  std::vector<Sequencer::Message> out;
  channel.sequence.flush(out);
  // No position: what the gap hides came before some of these.
  for (auto& message : out) {
    auto moved = std::make_shared<Publication>(*message.publication);
    moved->position = {};
    fan_out(channel, std::move(message.item), moved);
  }
  if (channel.extra && !channel.extra->catch_ups.empty()) queue_settle(channel);
}

// ---- joining and suspect channels keep what comes

void HubShard::State::keep(HubChannel& channel, PublicationPtr publication) {
  auto& more = channel.more();
  if (more.buffer.size() >= kMostBuffered) {
    more.buffer.pop_front();
    more.buffer_lost = true;
  }
  more.buffer.push_back(std::move(publication));
}

void HubShard::State::drain(HubChannel& channel) {
  if (!channel.extra) return;
  if (std::exchange(channel.extra->buffer_lost, false)) suspect(channel);
  while (channel.phase == HubChannel::Phase::live && !channel.extra->buffer.empty()) {
    const PublicationPtr next = std::move(channel.extra->buffer.front());
    channel.extra->buffer.pop_front();
    if (next == nullptr) {
      suspect(channel);
    } else {
      take(channel, next);
    }
  }
}

// ---- listeners

void HubShard::State::fan_out(HubChannel& channel, std::shared_ptr<const Item> item, const PublicationPtr& publication) {
  finish_paused();
  FanOut walk{&channel, publication, Delivery(std::move(item), *publication), 0, channel.live.size()};
  if (rated) {
    run_rated(walk);
  } else if (!run(walk)) {
    ++channel.walks;  // until it is finished
    paused.emplace(std::move(walk));
  }
}

// The tight loop: per listener a slot, a listener, a call. False: the loop's turn is over and some are left.
bool HubShard::State::run(FanOut& walk) {
  HubChannel& channel = *walk.channel;
  for (; walk.next < walk.end; ++walk.next) {
    if (budget == 0) return false;
    // Listeners lie all over memory: fetching the next ones while this one works hides most of the misses.
    if (walk.next + 4 < walk.end) __builtin_prefetch(channel.live[walk.next + 4]);
    Subscription* subscription = channel.live[walk.next];
    if (subscription == nullptr) continue;
    --budget;
    subscription->listener_->on_message(*subscription, walk.delivery);
  }
  if (delivered && walk.end > 0) delivered(walk.delivery, walk.end);
  return true;
}

void HubShard::State::finish_paused() {
  if (!paused) return;
  const size_t left = std::exchange(budget, SIZE_MAX);
  run(*paused);
  budget = left;
  HubChannel& channel = *paused->channel;
  paused.reset();
  end_walk(channel);
}

void HubShard::State::tell_gap(HubChannel& channel, Gap gap, Position top) {
  finish_paused();
  size_t told = 0;
  for (size_t i = 0, end = channel.live.size(); i < end; ++i) {
    Subscription* subscription = channel.live[i];
    if (subscription == nullptr) continue;
    ++told;
    if (subscription->queued_) {
      tell_gap_rated(*subscription, gap, top);
    } else {
      subscription->listener_->on_gap(*subscription, gap, top);
    }
  }
  if (told > 0) count_gap(channel, gap, told);
  log::debug("Listeners were told of a gap.", {{"channel", channel.name}, {"reason", to_string(gap)}, {"listeners", told}});
}

void HubShard::State::count_gap(const HubChannel& channel, Gap gap, size_t listeners) {
  gaps[static_cast<size_t>(gap)]->add(static_cast<int64_t>(listeners));
  hub.gap_told(channel.name, gap, listeners);
}

void HubShard::State::tell_first(HubChannel& channel) {
  for (size_t i = 0, end = channel.live.size(); i < end; ++i) {
    if (Subscription* subscription = channel.live[i]) subscription->listener_->on_first_subscription(*subscription);
  }
}

}  // namespace holdfast
