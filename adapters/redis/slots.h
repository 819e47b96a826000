#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/redis_options.h"

struct redisReply;

namespace holdfast {

// How Redis Cluster spreads keys: a hash of the key, or of its part in braces, names one of 16384 slots, and each primary serves ranges.

constexpr unsigned kSlots = 16384;

unsigned slot_of(std::string_view tag);

// One text per partition, whose slot lies in the partition's share of all slots, so that primaries with equal shares of the slots have
// equal shares of the partitions. (Plain numbers fall up to twice as often on one primary.) The same on every node and for ever.
std::vector<std::string> partition_tags(size_t partitions);

// The same on every node and for ever.
size_t partition_of(std::string_view channel, size_t partitions);

struct SlotRange {
  unsigned first = 0;
  unsigned last = 0;
  RedisAddress primary;
};
// The reply of CLUSTER SLOTS. `asked`: who gave it, for primaries whose host it leaves open. Errors: unavailable.
Result<std::vector<SlotRange>> parse_slots(const redisReply& reply, const RedisAddress& asked);

// "MOVED 866 HOST:PORT" or "ASK 866 HOST:PORT".
Result<RedisAddress> parse_redirection(std::string_view error, const RedisAddress& asked);

}  // namespace holdfast
