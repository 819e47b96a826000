#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/base/clock.h"

namespace holdfast::control {

// Listeners of a channel that were told that they may have missed something.
struct ToldGap {
  WallTime at;  // the last time, if several became one entry
  std::string channel;
  std::string reason;
  uint64_t listeners = 0;
};

// The last gaps told on this node, for people. Bounded: the oldest go. Clients that come back after an outage are each told: within a few
// seconds they become one entry per channel, or they would push out everything else. Threads: any; never waits for long.
class GapLog {
 public:
  static constexpr size_t kMost = 200;

  explicit GapLog(const Clock& clock) : clock_(clock) {}
  void add(const std::string& channel, const char* reason, size_t listeners);
  std::vector<ToldGap> newest() const;  // first

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::deque<ToldGap> gaps_;  // newest last
};

}  // namespace holdfast::control
