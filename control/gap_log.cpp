#include "control/gap_log.h"

namespace holdfast::control {

namespace {
constexpr Duration kOneEvent{10'000};
constexpr size_t kLookedAt = 16;  // so that a storm over many channels costs little
}  // namespace

void GapLog::add(const std::string& channel, const char* reason, size_t listeners) {
  const WallTime now = clock_.wall();
  const std::lock_guard lock(mutex_);
  size_t looked_at = 0;
  for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && looked_at < kLookedAt && now - gap->at < kOneEvent; ++gap, ++looked_at) {
    if (gap->channel != channel || gap->reason != reason) continue;
    gap->at = now;
    gap->listeners += listeners;
    return;
  }
  if (gaps_.size() >= kMost) gaps_.pop_front();
  gaps_.push_back({now, channel, reason, listeners});
}

std::vector<ToldGap> GapLog::newest() const {
  const std::lock_guard lock(mutex_);
  return {gaps_.rbegin(), gaps_.rend()};
}

}  // namespace holdfast::control
