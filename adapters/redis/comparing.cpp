#include <algorithm>

#include "adapters/redis/redis_broker.h"
#include "adapters/redis/replies.h"
#include "gateway/base/log.h"

// Live messages are sent at most once. A lost one is found when the next comes, and on a silent channel by comparing the channel's top with
// what came.

namespace holdfast {

namespace {
constexpr size_t kMostAtOnce = 512;  // channels of one script
}  // namespace

void RedisBroker::compare_all(Partition& partition) {
  if (partition.channels.empty()) return;
  std::vector<std::string> names;
  for (const auto& [name, channel] : partition.channels) names.push_back(name);
  compare(partition, std::make_shared<const std::vector<std::string>>(std::move(names)), 0);
}

// From `from` on, one script after the other. What cannot be compared now (its slot moves, say) is the next time.
void RedisBroker::compare(Partition& partition, std::shared_ptr<const std::vector<std::string>> channels, size_t from) {
  RedisShard* shard = partition.owner;
  if (shard == nullptr || !shard->is_up()) return;
  std::vector<std::string> asked, keys;
  for (; from < channels->size() && asked.size() < kMostAtOnce; ++from) {
    const auto found = partition.channels.find((*channels)[from]);
    if (found == partition.channels.end() || found->second.home != shard) continue;
    asked.push_back(found->first);
    keys.push_back(key(partition, 'm', found->first));
  }
  if (asked.empty()) return;
  const std::string count = std::to_string(keys.size()), fresh = fresh_epoch();
  RedisLink::Arguments arguments{"EVALSHA", shard->tops_sha(), count};
  arguments.insert(arguments.end(), keys.begin(), keys.end());
  arguments.insert(arguments.end(), {shard->fence(), fresh});
  shard->command(arguments, [this, shard, &partition, channels = std::move(channels), from, asked](const redisReply* reply) {
    if (reply == nullptr) return;
    if (is_error(reply)) {
      if (text_of(*reply).starts_with("NOSCRIPT")) shard->load_scripts();
    } else {
      on_tops(*shard, partition, asked, *reply);
    }
    compare(partition, channels, from);
  });
}

void RedisBroker::on_tops(RedisShard& shard, Partition& partition, const std::vector<std::string>& channels, const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != channels.size()) return;
  struct Suspect {
    std::string channel;
    uint64_t ask;  // it was subscribed by this
    Position top;
  };
  std::vector<Suspect> suspects;
  // Behind what came: another epoch, or an offset that did not come.
  const auto lacks = [](const Channel& channel, Position top) {
    return channel.seen.epoch == top.epoch ? channel.seen.offset < top.offset : channel.seen.known() || top.offset > 0;
  };
  for (size_t i = 0; i < channels.size(); ++i) {
    const auto found = partition.channels.find(channels[i]);
    if (found == partition.channels.end() || found->second.home != &shard) continue;
    auto& channel = found->second;
    auto text = text_of(*reply.element[i]);
    const auto top = take_position(text);
    const bool first = !std::exchange(channel.compared, true);
    if (!top) continue;
    if (!channel.seen.known() && (first || top->offset == 0)) {
      channel.seen = *top;
    } else if (lacks(channel, *top)) {
      suspects.push_back({channels[i], channel.ask, *top});
    }
  }
  if (suspects.empty()) return;
  // They may be on their way.
  shard.when_all_came([this, &shard, &partition, suspects = std::move(suspects), lacks] {
    for (const auto& suspect : suspects) {
      const auto found = partition.channels.find(suspect.channel);
      if (found == partition.channels.end() || sink_ == nullptr) continue;
      auto& channel = found->second;
      if (channel.home != &shard || channel.ask != suspect.ask || !lacks(channel, suspect.top)) continue;
      channel.seen = suspect.top;
      missed_.add();
      log::debug("Live messages were missed.", {{"channel", suspect.channel}});
      sink_->on_gap(suspect.channel);
    }
  });
}

}  // namespace holdfast
