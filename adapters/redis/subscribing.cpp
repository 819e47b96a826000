#include "adapters/redis/redis_broker.h"
#include "adapters/redis/replies.h"

namespace holdfast {

namespace {
constexpr Duration kAskAgain{50};
}  // namespace

void RedisBroker::do_subscribe(const std::vector<std::string>& channels, Done done) {
  if (sink_ == nullptr) return done(unavailable("the broker is not running"));
  auto change = std::make_shared<Change>();
  change->done = std::move(done);
  std::map<Partition*, std::vector<std::string>> wanted;
  for (const auto& name : channels) {
    auto& partition = partition_of(name);
    const auto [entry, added] = partition.channels.try_emplace(name);
    if (added) {
      ++unconfirmed_;
      wanted[&partition].push_back(name);
    }
    if (entry->second.home != nullptr) continue;
    ++change->left;
    entry->second.subscribes.push_back(change);
  }
  if (change->left == 0) return change->done({});
  for (const auto& [partition, names] : wanted) ask_for(*partition, names);
}

// What comes for a channel that is not in the table does not count, so the servers' confirmation is not waited for.
void RedisBroker::do_unsubscribe(const std::vector<std::string>& channels, const Done& done) {
  std::map<std::pair<RedisShard*, Partition*>, std::vector<std::string>> unwanted;
  for (const auto& name : channels) {
    auto& partition = partition_of(name);
    const auto found = partition.channels.find(name);
    if (found == partition.channels.end()) continue;
    const auto channel = std::move(found->second);
    partition.channels.erase(found);
    if (channel.home == nullptr) --unconfirmed_;
    for (const auto& waiting : channel.subscribes) {
      if (waiting->left > 0 && --waiting->left == 0) waiting->done({});
    }
    for (auto* shard : {channel.home, channel.asked}) {
      if (shard != nullptr) unwanted[{shard, &partition}].push_back(key(partition, 'c', name));
    }
  }
  for (const auto& [where, names] : unwanted) where.first->unsubscribe(names);
  done({});
  if (unconfirmed_ == 0) judge_health();
}

// Of these channels those that are not subscribed to at the owner, nor asked for.
void RedisBroker::ask_for(Partition& partition, const std::vector<std::string>& channels) {
  RedisShard* owner = partition.owner;
  if (owner == nullptr || !owner->is_up()) return;
  ++asks_;
  std::vector<std::string> names;
  for (const auto& name : channels) {
    const auto found = partition.channels.find(name);
    if (found == partition.channels.end()) continue;
    auto& channel = found->second;
    if (channel.home == owner || channel.asked == owner) continue;
    names.push_back(key(partition, 'c', name));
    if (channel.asked != nullptr) channel.asked->unsubscribe({names.back()});
    channel.asked = owner;
    channel.ask = asks_;
  }
  if (!names.empty()) owner->subscribe(names, asks_);
}

void RedisBroker::settle(Partition& partition) {
  if (partition.owner == nullptr || !partition.owner->is_up()) return;
  std::vector<std::string> names;
  for (const auto& [name, channel] : partition.channels) {
    if (channel.home != partition.owner && channel.asked != partition.owner) names.push_back(name);
  }
  ask_for(partition, names);
}

void RedisBroker::settle_soon(Partition& partition, Duration delay) {
  if (std::exchange(partition.settling, true)) return;
  after(delay, [this, &partition] {
    partition.settling = false;
    settle(partition);
  });
}

void RedisBroker::leave_home(Channel& channel) {
  channel.home = nullptr;
  channel.unsure = true;
  ++unconfirmed_;
}

void RedisBroker::on_subscribed(RedisShard& shard, const std::string& name, uint64_t ask) {
  const auto at = find_channel(name);
  if (!at || sink_ == nullptr) return;
  const auto found = at->partition->channels.find(at->channel);
  if (found == at->partition->channels.end()) return;
  auto& channel = found->second;
  if (channel.asked != &shard || channel.ask != ask) return;
  channel.asked = nullptr;
  if (channel.home == nullptr) {
    --unconfirmed_;
  } else {
    channel.home->unsubscribe({name});
    channel.unsure = true;
  }
  channel.home = &shard;
  channel.seen = {};
  channel.compared = false;
  at->partition->fresh.push_back(at->channel);
  if (std::exchange(channel.unsure, false)) sink_->on_gap(at->channel);
  for (auto& waiting : std::exchange(channel.subscribes, {})) {
    if (waiting->left > 0 && --waiting->left == 0) waiting->done({});
  }
  if (unconfirmed_ == 0) judge_health();
}

void RedisBroker::on_refused(RedisShard& shard, const std::vector<std::string>& names, uint64_t ask, const std::string& error) {
  const auto first = find_channel(names.front());
  if (!first) return;
  auto& partition = *first->partition;  // of all of them
  for (const auto& name : names) {
    const auto at = find_channel(name);
    const auto found = partition.channels.find(at->channel);
    if (found == partition.channels.end() || found->second.asked != &shard || found->second.ask != ask) continue;
    found->second.asked = nullptr;
  }
  std::optional<RedisAddress> ignored;
  if (!passes_in(error, shard, partition, 1, ignored)) return shard.lose("the server refuses: " + error);
  settle_soon(partition, kAskAgain);
}

void RedisBroker::on_dropped(RedisShard& shard, const std::string& name) {
  const auto at = find_channel(name);
  if (!at) return;
  const auto found = at->partition->channels.find(at->channel);
  if (found == at->partition->channels.end() || found->second.home != &shard) return;
  leave_home(found->second);
  hurry_topology();
  settle_soon(*at->partition, kAskAgain);
}

void RedisBroker::on_live(RedisShard& shard, std::string_view name, std::string_view text) {
  const auto at = find_channel(name);
  if (!at || sink_ == nullptr) return;
  const auto found = at->partition->channels.find(at->channel);
  if (found == at->partition->channels.end() || found->second.home != &shard) return;
  const auto position = take_position(text);
  const auto ms = position ? parse_uint(take_word(text)) : std::nullopt;
  if (!ms || position->offset == 0) return garbage_.add();
  auto& seen = found->second.seen;
  if (seen.epoch != position->epoch || seen.offset < position->offset) seen = *position;
  auto publication = std::make_shared<Publication>();
  publication->channel = at->channel;
  publication->position = *position;
  publication->previous = {position->epoch, position->offset - 1};
  publication->time = wall_of(*ms);
  publication->envelope = Bytes::copy(text);
  // Between those of others it has no place that anybody could come back to.
  if (options_.foreign.match(at->channel)) publication->position = publication->previous = {};
  sink_->on_publication(std::move(publication));
}

// No position and no history: whoever was away, or on a connection that broke, is told.
void RedisBroker::on_foreign(std::string_view pattern, std::string_view name, std::string_view text) {
  const std::string channel(name);
  if (sink_ == nullptr || foreign_pattern(options_.foreign.prefix_of(channel)) != pattern) return;
  const auto& channels = partition_of(channel).channels;
  if (channels.find(channel) == channels.end()) return;
  auto publication = std::make_shared<Publication>();
  publication->channel = channel;
  publication->time = clock_.wall();
  if (auto envelope = options_.foreign.envelope(text, channel)) {
    publication->envelope = std::move(*envelope);
  } else {
    garbage_.add();
    publication->envelope = Bytes::copy(text);  // no item: listeners are told of it
  }
  sink_->on_publication(std::move(publication));
}

}  // namespace holdfast
