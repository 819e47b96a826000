#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/base/clock.h"

namespace holdfast {

// How many deliveries a rate group (a route) may still have. One per group and node, shared by the loops: a route's listeners are seldom
// spread evenly. Only used when a rate is configured. Threads: any.
class RateGroup {
 public:
  RateGroup(double rate, int64_t most_waiting) : rate_(rate), burst_(std::max(1.0, rate / 20)), tokens_(burst_), room_(most_waiting) {}

  // One delivery now?
  bool take(TimePoint now) {
    std::lock_guard lock(mutex_);
    if (!started_) refilled_ = now;
    started_ = true;
    if (now > refilled_) {
      tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - refilled_).count());
      refilled_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  // Room to wait for one delivery; give_back when it went.
  bool wait() {
    if (room_.fetch_sub(1, std::memory_order_relaxed) > 0) return true;
    room_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void give_back(int64_t count = 1) { room_.fetch_add(count, std::memory_order_relaxed); }
  int64_t room() const { return room_.load(std::memory_order_relaxed); }

 private:
  const double rate_;
  const double burst_;  // what 50 ms bring: deliveries go out in batches about that far apart
  std::mutex mutex_;
  double tokens_;
  TimePoint refilled_{};
  bool started_ = false;
  std::atomic<int64_t> room_;
};

class RateGroups {
 public:
  RateGroups(int64_t rate, int64_t most_waiting) : rate_(static_cast<double>(rate)), most_waiting_(most_waiting) {}

  RateGroup& group(std::string_view name) {
    std::lock_guard lock(mutex_);
    auto& group = groups_[std::string(name)];
    if (!group) group = std::make_unique<RateGroup>(rate_, most_waiting_);
    return *group;
  }
  // How many deliveries wait in the group that has most.
  int64_t fullest() const {
    std::lock_guard lock(mutex_);
    int64_t most = 0;
    for (const auto& [name, group] : groups_) most = std::max(most, most_waiting_ - group->room());
    return most;
  }

 private:
  const double rate_;
  const int64_t most_waiting_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<RateGroup>> groups_;  // as many as routes had deliveries
};

}  // namespace holdfast
