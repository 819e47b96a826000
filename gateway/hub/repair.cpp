#include <algorithm>
#include <utility>

#include "gateway/hub/shard_state.h"

namespace holdfast {

namespace {

const Publication* first_kept(const HubChannel& channel) {
  if (!channel.extra) return nullptr;
  for (const auto& publication : channel.extra->buffer) {
    if (publication != nullptr) return publication.get();
  }
  return nullptr;
}

// What was kept goes on where the channel stands: the reading did its work.
bool follows(const HubChannel& channel) {
  const auto& buffer = channel.extra->buffer;
  if (buffer.empty() || buffer.front() == nullptr) return true;
  const Publication& next = *buffer.front();
  if (next.position.epoch != channel.last.epoch) return false;
  return next.position.offset <= channel.last.offset || !next.previous.known() || next.previous == channel.last;
}

}  // namespace

std::optional<Gap> HubShard::State::gap_in(const HistoryPage& page, Position since, bool& usable) const {
  const bool whole = page.publications.size() <= static_cast<size_t>(options.catch_up_limit);
  const bool ahead = page.top.epoch == since.epoch && page.top.offset < since.offset;
  usable = whole && (page.continuous || !ahead);
  if (page.continuous) return whole ? std::nullopt : std::optional(Gap::history_lost);
  if (ahead) return Gap::ahead;
  return page.top.epoch == since.epoch ? Gap::history_lost : Gap::other_epoch;
}

// The next message is not the one after the last, or the broker fears so. What comes meanwhile is kept until history has told.
void HubShard::State::suspect(HubChannel& channel) {
  if (channel.phase != HubChannel::Phase::live) return;
  if (channel.listeners == 0) return channel.sequence.forget();  // the newest id may be one of those that are missing
  auto& more = channel.more();
  const Publication* next = first_kept(channel);
  if (history() == nullptr || !channel.last.known() || more.fills >= 2) {
    more.fills = 0;
    const bool other = next != nullptr && channel.last.known() && next->position.epoch != channel.last.epoch;
    return jump(channel, other ? Gap::other_epoch : Gap::broker, next != nullptr ? before(*next) : channel.last);
  }
  ++more.fills;
  more.fill = ++next_serial;
  channel.phase = HubChannel::Phase::suspect;
  later(&State::filled, channel, more.fill, channel.last, static_cast<size_t>(options.catch_up_limit) + 1);
}

void HubShard::State::filled(HubChannel& channel, uint64_t id, Result<HistoryPage> page) {
  auto& more = channel.more();
  if (channel.phase != HubChannel::Phase::suspect || more.fill != id) return;
  more.fill_stuck = !page && !hub.healthy();
  if (more.fill_stuck) return;
  channel.phase = HubChannel::Phase::live;
  const Publication* next = first_kept(channel);
  bool usable = true;
  std::optional<Gap> gap = page ? gap_in(*page, channel.last, usable) : std::optional(Gap::broker);
  // Read once more before listeners are told: a replica may lag behind, a connection may have been cut.
  if ((!page || gap == Gap::ahead) && more.fills < 2) {
    suspect(channel);
    return drain(channel);  // if nobody listens any more
  }

  if (gap) {
    Position to = channel.last;
    if (page && usable && !page->publications.empty()) {
      to = before(*page->publications.front());
    } else if (next != nullptr && (!page || next->position.epoch == page->top.epoch)) {
      to = before(*next);
    } else if (page) {
      to = page->top;
    }
    more.fills = 0;
    jump(channel, *gap, to);
  }
  if (page && usable) {
    for (const auto& publication : page->publications) {
      const Position at = publication->position;
      if (channel.last.known() && at.epoch == channel.last.epoch && at.offset <= channel.last.offset) continue;
      accept(channel, publication);
    }
  }
  if (follows(channel)) more.fills = 0;
  settle(channel);
  drain(channel);
}

// The broker is back: what it could not be asked meanwhile.
void HubShard::State::broker_back() {
  std::vector<HubChannel*> stuck;
  for (auto& [name, channel] : channels) {
    if (channel->extra) stuck.push_back(channel.get());
  }
  for (HubChannel* channel : stuck) {
    const Walk walk(*this, *channel);
    auto& more = *channel->extra;
    for (auto& reading : more.catch_ups) {
      if (std::exchange(reading.stuck, false)) read(*channel, reading);
    }
    if (!std::exchange(more.fill_stuck, false)) continue;
    channel->phase = HubChannel::Phase::live;
    more.fills = 0;
    suspect(*channel);
    drain(*channel);
  }
}

// Tells all listeners and goes on from `to`.
void HubShard::State::jump(HubChannel& channel, Gap gap, Position to) {
  send_waiting_before_gap(channel);
  tell_gap(channel, gap, to);
  channel.sequence.forget();
  channel.last = to;
  channel.live_since = timers.clock().wall();
  if (!channel.extra) return;
  // Those who catch up must not be handed a run with this hole in it: their page has to reach beyond.
  channel.extra->recent.clear();
  for (auto& reading : channel.extra->catch_ups) reading.reach = to;
}

}  // namespace holdfast
