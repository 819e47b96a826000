#include <algorithm>

#include "adapters/redis/find_primary.h"
#include "adapters/redis/redis_broker.h"
#include "adapters/redis/replies.h"
#include "gateway/base/log.h"

// Which server owns which partition, and whether all is well.

namespace holdfast {

namespace {

constexpr Duration kAskSentinelsEvery{5'000};
constexpr Duration kTopologyEvery{30'000};
constexpr Duration kTopologyWhenIll{300};
constexpr Duration kTopologyLeast{50};   // between two questions
constexpr Duration kPatience{1'000};     // of one Sentinel, or of a node when none is connected: another may answer
constexpr Duration kKeepUnused{10'000};  // a server that owns nothing

}  // namespace

// ---- Sentinels

void RedisBroker::locate(RedisShard& shard) {
  if (clustered()) return shard.found(shard.address());
  if (!options_.sentinels.empty()) return ask_sentinels();
  const auto address = parse_redis_address(options_.address);
  if (!address) return shard.lose(address.error().text);
  shard.found(*address);
}

void RedisBroker::ask_sentinels() {
  if (std::exchange(asking_sentinels_, true)) return;
  look_ups_->post([this] {
    inbox_.post([this, named = find_primary(options_, std::min(kPatience, options_.timeout), ending_look_ups_)] {
      asking_sentinels_ = false;
      sentinels_at_ = clock_.now() + kAskSentinelsEvery;
      if (sink_ != nullptr) on_primary(named);
    });
  });
}

void RedisBroker::on_primary(const Result<RedisAddress>& named) {
  auto& shard = *shards_.front();
  if (shard.is_locating()) {
    if (named) return shard.found(*named);
    shard.lose(named.error().text);
  } else if (named && shard.is_up() && *named != shard.address()) {
    // A primary that the others have left behind looks well from here.
    shard.lose("the Sentinels name another primary");
  }
}

// ---- topology

RedisBroker::ClusterState RedisBroker::state_of(const redisReply& info) {
  ClusterState state;
  for (const auto line : split(text_of(info), '\n')) {
    const auto value = [&](std::string_view name) {
      return line.starts_with(name) ? line.substr(name.size(), line.find('\r') - name.size()) : "";
    };
    if (value("cluster_state:") == "ok") state.ok = true;
    if (const auto epoch = parse_uint(value("cluster_current_epoch:"))) state.epoch = *epoch;
  }
  return state;
}

RedisShard& RedisBroker::shard_at(const RedisAddress& address) {
  for (const auto& shard : shards_) {
    if (!clustered() || shard->address() == address) return *shard;
  }
  shards_.push_back(std::make_unique<RedisShard>(options_, clock_, static_cast<RedisShard::Owner&>(*this), address));
  shards_.back()->open();
  return *shards_.back();
}

void RedisBroker::hurry_topology() { topology_at_ = std::min(topology_at_, std::max(clock_.now(), topology_asked_ + kTopologyLeast)); }

void RedisBroker::refresh_topology() {
  if (topology_under_way_) return;
  topology_asked_ = clock_.now();
  topology_at_ = topology_asked_ + (healthy_ ? kTopologyEvery : kTopologyWhenIll);
  // One after the other, so that none is believed for ever.
  RedisShard* shard = nullptr;
  for (size_t i = 0; i < shards_.size() && shard == nullptr; ++i) {
    RedisShard& next = *shards_[next_asked_++ % shards_.size()];
    if (next.is_up()) shard = &next;
  }
  if (shard == nullptr) return find_cluster();
  // What asks for a new topology may have changed a server's identity too.
  for (const auto& up : shards_) {
    if (up->is_up()) up->check_fence();
  }
  topology_under_way_ = true;
  const auto state = std::make_shared<ClusterState>();
  shard->command({"CLUSTER", "INFO"}, [state](const redisReply* reply) {
    if (reply != nullptr) *state = state_of(*reply);
  });
  shard->command({"CLUSTER", "SLOTS"}, [this, shard, state](const redisReply* reply) {
    topology_under_way_ = false;
    if (reply == nullptr) return hurry_topology();
    if (auto taken = take_topology(*state, *reply, shard->address()); !taken) tell_ill(taken.error().text);
  });
}

// None is connected. One node at a time.
void RedisBroker::find_cluster() {
  newest_topology_ = 0;
  std::vector<std::string> candidates = options_.cluster;
  for (const auto& shard : shards_) candidates.push_back(to_string(shard->address()));
  const std::string& text = candidates[next_asked_++ % candidates.size()];
  const auto address = parse_redis_address(text);
  if (!address) return tell_ill(text + ": " + address.error().text);
  topology_under_way_ = true;
  look_ups_->post([this, address = *address] {
    using Replies = Result<std::vector<RedisLink::Reply>>;
    const auto tls = RedisTls::make(options_);
    const auto replies = std::make_shared<Replies>(tls ? ask_once(address, {options_.username, options_.password, *tls},
                                                                  {{"CLUSTER", "INFO"}, {"CLUSTER", "SLOTS"}},
                                                                  std::min(kPatience, options_.timeout), ending_look_ups_)
                                                       : Replies(tl::unexpected(tls.error())));
    inbox_.post([this, address, replies] {
      topology_under_way_ = false;
      if (sink_ != nullptr) on_cluster(address, *replies);
    });
  });
}

void RedisBroker::on_cluster(const RedisAddress& asked, const Result<std::vector<RedisLink::Reply>>& replies) {
  topology_at_ = clock_.now() + kTopologyWhenIll;
  std::string trouble;
  if (!replies) {
    trouble = replies.error().text;
  } else if (const auto taken = take_topology(state_of(*replies->at(0)), *replies->at(1), asked); !taken) {
    trouble = taken.error().text;
  }
  if (!trouble.empty()) tell_ill(to_string(asked) + ": " + trouble);
}

Result<void> RedisBroker::take_topology(const ClusterState& state, const redisReply& slots, const RedisAddress& asked) {
  auto ranges = parse_slots(slots, asked);
  if (!ranges) return tl::unexpected(ranges.error());
  if (state.epoch < newest_topology_) return {};
  newest_topology_ = state.epoch;
  cluster_ok_ = state.ok;
  for (auto& partition : partitions_) {
    const auto serves = [&](const SlotRange& range) { return range.first <= partition.slot && partition.slot <= range.last; };
    const auto range = std::find_if(ranges->begin(), ranges->end(), serves);
    give(partition, range == ranges->end() ? nullptr : &shard_at(range->primary));
    settle(partition);
  }
  retire_shards();
  judge_health();
  return {};
}

void RedisBroker::give(Partition& partition, RedisShard* owner) {
  if (std::exchange(partition.owner, owner) != owner) settle(partition);
}

// The owner that refused is no owner. Anybody else was told by a newer topology.
void RedisBroker::follow(Partition& partition, const RedisShard& refused_by, std::string_view moved) {
  const auto address = parse_redirection(moved, refused_by.address());
  hurry_topology();
  if (address && clustered() && partition.owner == &refused_by) give(partition, &shard_at(*address));
}

bool RedisBroker::owns_any(const RedisShard& shard) const {
  return std::any_of(partitions_.begin(), partitions_.end(), [&](const Partition& partition) { return partition.owner == &shard; });
}

void RedisBroker::retire_shards() {
  for (size_t i = shards_.size(); i-- > 0;) {
    auto& shard = shards_[i];
    // Whom a moving slot's owner names owns nothing yet.
    if (owns_any(*shard) || clock_.now() - shard->opened_at() < kKeepUnused) continue;
    // What is subscribed there stays until the new owner has confirmed it.
    const auto uses = [&](const auto& entry) { return entry.second.home == shard.get() || entry.second.asked == shard.get(); };
    const bool used = std::any_of(partitions_.begin(), partitions_.end(), [&](const Partition& partition) {
      return std::any_of(partition.channels.begin(), partition.channels.end(), uses);
    });
    if (used) continue;
    shard->close("it owns no slots any more");
    retired_.push_back(std::move(shard));
    shards_.erase(shards_.begin() + static_cast<ptrdiff_t>(i));
  }
}

// ---- health

void RedisBroker::on_up(RedisShard& shard) {
  connects_.add();
  log::info("connected to Redis", {{"address", to_string(shard.address())}});
  for (auto& partition : partitions_) {
    if (partition.owner == &shard) settle(partition);
  }
  judge_health();
}

void RedisBroker::on_lost(RedisShard& shard, const std::string& reason, bool was_up) {
  for (auto& partition : partitions_) {
    if (partition.owner == &shard) refuse_waiting(partition, "the connection to the broker was lost");
    if (!was_up) continue;
    for (auto& [name, channel] : partition.channels) {
      if (channel.home == &shard) leave_home(channel);
      if (channel.asked == &shard) channel.asked = nullptr;
    }
  }
  if (sink_ == nullptr || !owns_any(shard)) return;
  if (clustered()) hurry_topology();
  tell_ill(clustered() ? to_string(shard.address()) + ": " + reason : reason);
}

void RedisBroker::tell_ill(const std::string& reason) {
  if (sink_ == nullptr) return;
  if (clustered()) topology_at_ = std::min(topology_at_, clock_.now() + kTopologyWhenIll);
  healthy_ = false;
  if (std::exchange(told_ill_, true)) return;
  log::warn("Redis is not reachable as a whole; trying again", {{"reason", reason}});
  sink_->on_health(false, "Redis: " + reason);
}

void RedisBroker::judge_health() {
  if (sink_ == nullptr) return;
  bool connecting = false;
  for (const auto& partition : partitions_) {
    if (partition.owner == nullptr) return tell_ill("no primary serves slot " + std::to_string(partition.slot));
    if (partition.owner->is_up()) continue;
    if (!partition.owner->is_new()) return tell_ill(to_string(partition.owner->address()) + ": " + partition.owner->failure());
    connecting = true;
  }
  if (!cluster_ok_) return tell_ill("the cluster says that it is down");
  if (connecting || healthy_ || unconfirmed_ > 0) return;
  healthy_ = true;
  told_ill_ = false;
  for (const auto& shard : shards_) shard->calm();
  sink_->on_health(true, clustered() ? "Redis Cluster of " + std::to_string(shards_.size()) + " primaries"
                                     : "Redis at " + to_string(shards_.front()->address()));
}

}  // namespace holdfast
