#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/support/recent_keys.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/broker/broker.h"

namespace holdfast {

// What all stores of one broker share.
struct MemoryTotals {
  explicit MemoryTotals(uint64_t first_epoch) : epoch(first_epoch) {}
  std::atomic<uint64_t> bytes{0};
  Count* kept_bytes = nullptr;
  // The epoch of a channel that begins now. It moves on when a channel that had messages is dropped: should that channel come back, its
  // offsets begin again at 1 and must not be taken for the earlier ones.
  std::atomic<uint64_t> epoch;
  std::atomic<bool> dropped_any{false};
};

struct MemoryLimits {
  size_t messages = 1000;
  Duration age{600'000};
  size_t channels = 10'000;  // without listeners
};

// Some of the channels of a memory broker: their order and what is kept of them.
// Threads: everything but `oldest_at` under `mutex`.
class MemoryStore {
 public:
  MemoryStore(const MemoryLimits& limits, MemoryTotals& totals) : limits_(limits), totals_(totals) {}
  ~MemoryStore();
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  struct Appended {
    PublicationPtr publication;
    bool subscribed;
  };
  Appended append(std::string channel, Bytes envelope, TimePoint now, WallTime wall);
  void set_subscribed(const std::string& channel, bool subscribed);
  HistoryPage read(const std::string& channel, Position since, size_t limit, TimePoint now);
  void drop_oldest();
  // What comes next on the channel does not continue what came: a new epoch. Nothing happens to a channel without messages.
  void restart(const std::string& channel);
  // Channels that have had messages.
  std::vector<std::string> used() const;
  bool has(const std::string& channel) const;  // messages

  // A channel on its way to another store, where it goes on as if nothing had been.
  struct Moved {
    std::string channel;
    Position top;
    bool whole_story = false;          // `kept` and what was dropped before are all it ever had
    Duration apart{};                  // for so long the other store may have ordered what this one does not know of
    std::vector<PublicationPtr> kept;  // the newest, without a hole
  };
  // Its newest messages, `bytes` of envelopes at most (one at least). The channel begins a new epoch here, should it come back.
  std::optional<Moved> take_out(const std::string& channel, size_t bytes);
  // False: this store has ordered messages while the two were apart: neither continues the other.
  bool put_in(const Moved& moved, TimePoint now);

  std::mutex mutex;
  RecentKeys keys;
  // When the oldest kept message came (ticks of TimePoint), so that the broker finds the store to take from without locking all.
  std::atomic<int64_t> oldest_at{std::numeric_limits<int64_t>::max()};

 private:
  struct Channel;
  // A publication and its place in the order of age over all channels of the store: one allocation for both.
  struct Kept {
    Publication publication;
    TimePoint at;
    size_t bytes = 0;
    Channel* channel = nullptr;
    Kept* older = nullptr;
    Kept* newer = nullptr;
  };
  struct Channel {
    const std::string* name = nullptr;  // the map's key
    uint64_t epoch = 0;
    uint64_t last = 0;                        // offset of the newest message
    TimePoint last_at{};                      // when this store ordered the newest
    bool whole_story = true;                  // this epoch is the channel's first in this process
    bool subscribed = false;                  // then it is not in the list of idle channels
    std::vector<std::shared_ptr<Kept>> kept;  // from `first`: contiguous offsets up to `last`
    size_t first = 0;
    Channel* idle_before = nullptr;
    Channel* idle_after = nullptr;

    size_t size() const { return kept.size() - first; }
    uint64_t oldest_offset() const { return last - size() + 1; }
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  Channel& channel(std::string_view name);
  void keep(Channel& to, std::shared_ptr<Kept> kept, TimePoint now);
  void clear(Channel& of);
  void drop_first(Channel& channel);
  void drop_aged(TimePoint now);
  void drop_idle_channels();
  void idle_in(Channel& channel);
  void idle_out(Channel& channel);
  uint64_t next_epoch();
  void note_oldest();

  const MemoryLimits limits_;
  MemoryTotals& totals_;
  std::unordered_map<std::string, Channel, Hash, std::equal_to<>> channels_;  // nodes stay where they are
  Kept* oldest_ = nullptr;
  Kept* newest_ = nullptr;
  Channel* idle_first_ = nullptr;  // longest unused
  Channel* idle_last_ = nullptr;
  size_t idle_count_ = 0;
};

}  // namespace holdfast
