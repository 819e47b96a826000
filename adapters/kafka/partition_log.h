#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/kafka/record.h"
#include "adapters/support/recent_keys.h"
#include "gateway/broker/broker.h"

namespace holdfast {

// What this node remembers of a partition that it consumes without a skip: the newest publications, found by channel, and the idempotency
// keys of two minutes of record time. A position's offset is Kafka's and one: Kafka counts from 0, positions from 1.
// Threads: one at a time.
class PartitionLog {
 public:
  PartitionLog(size_t messages_per_channel, size_t bytes) : most_(messages_per_channel), most_bytes_(bytes) {}

  // Nothing is remembered; everything from `offset` on will be appended.
  void reset(int64_t offset);
  // In the order of offsets. Null: the key was used before, so it is none of the channel's. Records get the epoch of set_epoch().
  PublicationPtr append(KafkaRecord record);
  // Of what follows, and of what was appended while it was not known.
  void set_epoch(uint64_t epoch);
  // Forgets what stands before.
  void drop_before(int64_t offset);

  std::optional<Position> find_key(const std::string& channel, const std::string& key, WallTime now);

  struct Page {
    std::vector<PublicationPtr> publications;  // the oldest `limit` with an offset of at least `from`
    Position top;                              // unknown: nothing of this channel is remembered
    int64_t complete_from = 0;                 // nothing of the channel is missing from this offset on
    bool trimmed = false;                      // what is missing was thrown away on purpose: more than is kept per channel
  };
  Page read(const std::string& channel, int64_t from, size_t limit) const;
  // Everything from an offset on; false: some is missing.
  bool since(int64_t offset, std::vector<PublicationPtr>& out) const;
  int64_t complete_from() const { return complete_from_; }

 private:
  struct Channel {
    std::deque<std::shared_ptr<Publication>> kept;
    int64_t trimmed = 0;  // everything before this offset was, by number
  };
  struct Entry {
    int64_t offset = 0;
    std::shared_ptr<Publication> publication;  // null: trimmed
  };
  static size_t cost(const Publication* publication);
  static TimePoint time_of(WallTime time) { return TimePoint(std::chrono::duration_cast<TimePoint::duration>(time.time_since_epoch())); }
  void trim(Channel& channel);
  void evict_first();

  const size_t most_;
  const size_t most_bytes_;
  uint64_t epoch_ = 0;
  int64_t complete_from_ = 0;
  size_t bytes_ = 0;
  std::deque<Entry> entries_;
  std::unordered_map<std::string, Channel> channels_;
  RecentKeys keys_;
};

}  // namespace holdfast
