#include "control/rate_limits.h"

#include <algorithm>
#include <cmath>

namespace holdfast::control {

RateLimits::RateLimits(Metrics& metrics, size_t most)
    : most_(most),
      callers_(metrics.gauge("holdfast_rate_limited_callers", "Callers whose rate of publishing is kept in mind, 10000 at most.")),
      refused_(metrics.counter("holdfast_publish_throttled_total", "Publish requests refused because their caller was over its rate.")) {}

Duration RateLimits::take(const Caller& caller, size_t items, TimePoint now) {
  if (caller.rate <= 0) return Duration(0);
  const double burst = std::max(caller.burst, 1.0);
  const std::lock_guard lock(mutex_);
  Bucket& bucket = bucket_of(caller, now);
  const double idle = std::chrono::duration<double>(std::max(now - bucket.seen, TimePoint::duration(0))).count();
  bucket.level = std::min(burst, bucket.level + idle * caller.rate);
  bucket.seen = std::max(now, bucket.seen);
  const double needed = std::min(static_cast<double>(items), burst);
  if (bucket.level >= needed) {
    bucket.level -= static_cast<double>(items);
    return Duration(0);
  }
  refused_.add();
  return Duration(static_cast<int64_t>(std::ceil((needed - bucket.level) / caller.rate * 1000)));
}

RateLimits::Bucket& RateLimits::bucket_of(const Caller& caller, TimePoint now) {
  if (const auto found = by_identity_.find(caller.identity); found != by_identity_.end()) {
    buckets_.splice(buckets_.begin(), buckets_, found->second);
    return buckets_.front();
  }
  if (buckets_.size() >= most_) {
    by_identity_.erase(buckets_.back().identity);
    buckets_.pop_back();
    callers_.sub();
  }
  buckets_.push_front({caller.identity, std::max(caller.burst, 1.0), now});
  by_identity_.emplace(caller.identity, buckets_.begin());
  callers_.add();
  return buckets_.front();
}

}  // namespace holdfast::control
