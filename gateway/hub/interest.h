#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/base/clock.h"

namespace holdfast {

// Which loops listen to which channel, and what the broker was told about it. A channel has at most one call to the broker under way, and
// what comes next is decided when that one is answered: a subscribe and an unsubscribe can never pass each other.
//
// Threads: all from any. The table says what to do and its caller does it after the lock is free: adapters hand over publications under
// locks of their own, so calling them with one of ours held could deadlock (order: adapter's lock, ours, mailbox's).
class Interest {
 public:
  enum class Call { none, subscribe, unsubscribe };

  uint64_t loops(std::string_view channel) const;

  struct Joined {
    Call call = Call::none;
    bool confirmed = false;  // the subscription is live already
  };
  Joined join(size_t loop, const std::string& channel);
  // True: nobody listens now; look again (revisit) after the linger.
  bool leave(size_t loop, const std::string& channel, TimePoint now);

  struct Subscribed {
    uint64_t loops = 0;
    int failures = 0;  // in a row
  };
  Subscribed subscribed(const std::string& channel, bool ok);
  Call unsubscribed(const std::string& channel, bool ok);
  // After a linger, or the wait before another try.
  Call revisit(const std::string& channel, TimePoint now, Duration linger);
  // The subscription is live at this moment and the loop listens.
  bool confirmed(size_t loop, std::string_view channel) const;

 private:
  enum class Phase { idle, subscribing, subscribed, waiting_to_retry, unsubscribing };
  struct Entry {
    uint64_t loops = 0;  // one bit each
    Phase phase = Phase::idle;
    int failures = 0;
    TimePoint quiet_since{};
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct alignas(64) Part {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries;
  };
  static constexpr size_t kParts = 64;

  Part& part(std::string_view channel) { return parts_[(std::hash<std::string_view>()(channel) >> 40) % kParts]; }
  const Part& part(std::string_view channel) const { return parts_[(std::hash<std::string_view>()(channel) >> 40) % kParts]; }

  std::array<Part, kParts> parts_;
};

}  // namespace holdfast
