#include <algorithm>
#include <unordered_map>
#include <utility>

#include "gateway/hub/shard_state.h"

namespace holdfast {

// How a listener comes from subscribed to live without a hole. The subscription at the broker is active before history is read, so what is
// published later comes by itself and what was published earlier is in the page:
//   joining:  what comes is kept; the first page tells the channel's top, the kept messages follow from there;
//   live:     a newcomer with a position reads what it missed; what is accepted meanwhile is remembered (HubChannelExtra::recent), and
//             page and memory together are everything between its position and HubChannel::last. From then on it is live.

void HubShard::confirmed(const std::string& name, bool first_on_node) {
  HubChannel* channel = state_->find(name);
  if (channel == nullptr) return;
  const State::Walk walk(*state_, *channel);
  if (first_on_node) {
    auto& notice = channel->more().first_notice;
    notice = std::make_unique<ChannelTimer>(*channel, [](HubChannel& c) {
      State& state = *c.shard.state_;
      const State::Walk inner(state, c);
      state.tell_first(c);
    });
    // Jitter: a restarted node would send all its clients' backends their questions in one instant.
    state_->timers.set_in(*notice, Duration(1000 + static_cast<int64_t>(state_->random() % 200)));
  }
  if (channel->phase != HubChannel::Phase::joining || channel->confirmed) return;
  channel->confirmed = true;
  if (state_->history() == nullptr) return state_->open(*channel, {});
  for (const auto& waiting : channel->pending) {
    if (waiting.since) state_->catch_up(*channel, *waiting.since);
  }
  if (channel->more().catch_ups.empty()) state_->catch_up(*channel, {});
}

// From here on messages are sent. `top`: where history says the channel stands; unknown if it cannot tell.
void HubShard::State::open(HubChannel& channel, Position top) {
  channel.last = top;
  if (channel.extra && !channel.extra->buffer.empty() && !channel.extra->buffer_lost) {
    // A kept message that history has too is sent to those who wait: they are here, and it came.
    const PublicationPtr& first = channel.extra->buffer.front();
    const Position start = first != nullptr ? before(*first) : Position();
    if (start.known() && (!top.known() || (start.epoch == top.epoch && start.offset < top.offset))) channel.last = start;
  }
  channel.phase = HubChannel::Phase::live;
  channel.live_since = timers.clock().wall();
  if (channel.extra) {
    for (auto& reading : channel.extra->catch_ups) reading.reach = channel.last;
  }
  settle(channel);
  drain(channel);
}

CatchUp& HubShard::State::catch_up(HubChannel& channel, Position since) {
  auto& readings = channel.more().catch_ups;
  const auto it = std::find_if(readings.begin(), readings.end(), [&](const CatchUp& reading) { return reading.since == since; });
  if (it != readings.end()) return *it;
  CatchUp& made = readings.emplace_back();
  made.id = ++next_serial;
  made.since = since;
  made.reach = channel.last;
  read(channel, made);
  return made;
}

void HubShard::State::read(HubChannel& channel, CatchUp& reading) {
  reading.page.reset();
  // One more than may be replayed tells "exactly that many" from "more".
  const size_t limit = reading.since.known() ? static_cast<size_t>(options.catch_up_limit) + 1 : 0;
  later(&State::read_done, channel, reading.id, reading.since, limit);
}

void HubShard::State::read_done(HubChannel& channel, uint64_t id, Result<HistoryPage> page) {
  auto& readings = channel.more().catch_ups;
  const auto it = std::find_if(readings.begin(), readings.end(), [&](const CatchUp& reading) { return reading.id == id; });
  if (it == readings.end()) return;
  // What cannot be read now is not lost: it is read when the broker is back.
  it->stuck = !page && !hub.healthy();
  if (it->stuck) return;
  it->page = std::move(page);
  if (channel.phase == HubChannel::Phase::joining) return open(channel, *it->page ? (*it->page)->top : Position());
  settle(channel);
}

// Makes live who can be. Listeners are called and may change everything, so it is tried until nothing is left to do.
void HubShard::State::settle(HubChannel& channel) {
  if (channel.phase != HubChannel::Phase::live) return;
  const Walk walk(*this, channel);
  while (settle_once(channel) || settle_caught_up(channel)) {
  }
}

// The page has the position, and this was not asked before.
bool HubShard::State::knows(CatchUp& reading, Position position) {
  if (reading.waited || !*reading.page) return false;
  reading.waited = true;
  const Position top = (*reading.page)->top;
  return top.epoch == position.epoch && top.offset >= position.offset;
}

bool HubShard::State::settle_once(HubChannel& channel) {
  bool admitted = false;
  const bool can_read = history() != nullptr;
  for (size_t i = 0; i < channel.pending.size();) {
    const std::optional<Position> since = channel.pending[i].since;
    if (!since || (*since == channel.last && !channel.sequence.waits())) {
      admit(channel, i, nullptr);
      admitted = true;
    } else if (!can_read) {
      const Replay lost{Gap::history_lost, channel.safe_top(), {}};
      admit(channel, i, &lost);
      admitted = true;
    } else {
      catch_up(channel, *since);
      ++i;
    }
  }
  return admitted;
}

bool HubShard::State::settle_caught_up(HubChannel& channel) {
  if (!channel.extra) return false;
  auto& readings = channel.extra->catch_ups;
  for (size_t r = 0; r < readings.size(); ++r) {
    if (!readings[r].page) continue;
    const Position since = readings[r].since;
    const auto wants = [&](const PendingListener& waiting) { return waiting.since == since; };
    const bool wanted = since.known() && std::any_of(channel.pending.begin(), channel.pending.end(), wants);
    std::optional<Replay> replay;
    if (wanted) {
      // Messages that wait for their predecessors are neither sent nor unsent; they go soon.
      if (channel.sequence.waits()) continue;
      // It saw, on another node, what has not come here yet: live too early it would see that twice. So this loop catches up first.
      if (since.epoch == channel.last.epoch && since.offset > channel.last.offset && knows(readings[r], since)) {
        suspect(channel);
        return false;
      }
      replay = replay_of(channel, readings[r]);
      if (!replay) continue;
    }
    readings.erase(readings.begin() + static_cast<std::ptrdiff_t>(r));
    for (size_t i = 0; wanted && i < channel.pending.size();) {
      if (wants(channel.pending[i])) {
        admit(channel, i, &*replay);
      } else {
        ++i;
      }
    }
    if (readings.empty()) channel.extra->recent = {};
    return true;
  }
  return false;
}

// None: history is read again.
std::optional<HubShard::State::Replay> HubShard::State::replay_of(HubChannel& channel, CatchUp& reading) {
  const Result<HistoryPage>& page = *reading.page;
  bool usable = true;
  bool reached = false;
  std::optional<Gap> gap = Gap::broker;
  if (page) {
    gap = gap_in(*page, reading.since, usable);
    reached = !reading.reach.known() || (page->top.epoch == reading.reach.epoch && page->top.offset >= reading.reach.offset);
  }
  if ((!reached || gap == Gap::ahead) && !reading.again) {
    reading.again = true;
    read(channel, reading);
    return std::nullopt;
  }
  Replay replay{gap, channel.last, {}};
  if (!reached) {
    if (!gap) replay.gap = Gap::broker;
    return replay;
  }
  if (gap && !usable) return replay;
  fill_replay(channel, replay, *page, reading.since);
  if (gap && !replay.messages.empty()) replay.after = before(*replay.messages.front().publication);
  return replay;
}

// Everything after `since` up to HubChannel::last, without duplicates, in the order that prev-ids tell.
void HubShard::State::fill_replay(HubChannel& channel, Replay& replay, const HistoryPage& page, Position since) {
  Sequencer order;
  std::vector<Sequencer::Message> out;
  std::unordered_map<std::string_view, WallTime> seen;
  Position newest;

  const auto flush = [&] {
    for (size_t i = 0; i < out.size(); ++i) {
      // As with live messages: no position while an earlier one is still to come.
      const Position position = i + 1 == out.size() && !order.waits() ? newest : Position();
      PublicationPtr publication = std::move(out[i].publication);
      if (publication->position != position) {
        auto moved = std::make_shared<Publication>(*publication);
        moved->position = position;
        publication = std::move(moved);
      }
      Delivery delivery(std::move(out[i].item), *publication);
      replay.messages.push_back({std::move(publication), std::move(delivery)});
    }
    out.clear();
  };
  const auto duplicate = [&](const Item& item, const Publication& publication) {
    if (!item.id || !ids.enabled()) return false;
    const auto [it, fresh] = seen.try_emplace(*item.id, publication.time);
    if (!fresh && publication.time - it->second < options.id_cache_ttl) return true;
    it->second = publication.time;
    const Position* first = ids.find(channel.name, *item.id);
    return first != nullptr && first->epoch == publication.position.epoch && first->offset < publication.position.offset;
  };
  const auto put = [&](std::shared_ptr<const Item> item, const PublicationPtr& publication) {
    newest = publication->position;
    if (!item) {
      order.flush(out);
      flush();
      replay.messages.push_back({publication, std::nullopt});
    } else if (!duplicate(*item, *publication)) {
      order.add({std::move(item), publication, {}, {}}, static_cast<size_t>(options.max_waiting), out);
      flush();
    }
  };

  for (const auto& publication : page.publications) {
    const Position at = publication->position;
    // What is beyond comes by itself.
    if (channel.last.known() && (at.epoch != channel.last.epoch || at.offset > channel.last.offset)) break;
    put(decode_item(*publication), publication);
  }
  for (const auto& message : channel.extra->recent) {
    const Position at = message.publication->position;
    if (at.epoch == page.top.epoch && at.offset <= page.top.offset) continue;
    if (at.epoch == since.epoch && at.offset <= since.offset) continue;
    put(message.item, message.publication);
  }
  order.flush(out);
  flush();
}

void HubShard::State::admit(HubChannel& channel, size_t at, const Replay* replay) {
  Subscription* subscription = take_pending(channel, at);
  const size_t slot = channel.live.size();
  channel.live.push_back(subscription);
  subscription->index_ = static_cast<uint32_t>(slot);
  subscription->live_ = true;
  subscription->listener_->on_subscribed(*subscription, channel.safe_top());
  if (replay == nullptr) return;
  // The slot tells whether it is still there, and where.
  const auto gap = [&](Gap reason, Position top) {
    if (channel.live[slot] == nullptr) return;
    count_gap(channel, reason, 1);
    channel.live[slot]->listener_->on_gap(*channel.live[slot], reason, top);
  };
  if (replay->gap) gap(*replay->gap, replay->after);
  for (const auto& message : replay->messages) {
    if (!message.delivery) {
      gap(Gap::broker, message.publication->position);
    } else if (channel.live[slot] != nullptr) {
      channel.live[slot]->listener_->on_message(*channel.live[slot], *message.delivery);
    }
  }
}

}  // namespace holdfast
