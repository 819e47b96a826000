#pragma once

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "control/caller.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"

namespace holdfast::control {

// How many items each caller may publish: a bucket per caller that has a rate. Only the most recent callers are kept, since a bucket that
// nobody used for long is full and so as good as none. Threads: any.
class RateLimits {
 public:
  static constexpr size_t kMostCallers = 10'000;
  explicit RateLimits(Metrics& metrics, size_t most = kMostCallers);

  // Takes `items` from the caller's bucket. 0: taken; otherwise nothing is, and it says when trying again helps. A request with more items
  // than the burst passes when the bucket is full and leaves it in debt: it could never pass otherwise.
  Duration take(const Caller& caller, size_t items, TimePoint now);

 private:
  struct Bucket {
    std::string identity;
    double level;
    TimePoint seen;
  };
  using Buckets = std::list<Bucket>;  // the most recent first

  Bucket& bucket_of(const Caller& caller, TimePoint now);

  const size_t most_;
  Count& callers_;
  Count& refused_;
  std::mutex mutex_;
  Buckets buckets_;
  std::unordered_map<std::string, Buckets::iterator> by_identity_;
};

}  // namespace holdfast::control
