#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"

namespace holdfast {

// Measures the time from publishing a message to the write of the last socket on one loop that gets it. Connections with something to
// write stand in a list that is worked off in slices; a message's note says how much of the list must have been written.
// Threads: the loop. Cost: per message one note, or none if it went to connections that a noted one goes to as well (then the older time
// counts: the lag is never made smaller); per slice one look at the clock: 2 to 70 ns
// a message, where one delivery takes some 2 us. So there are at most as many notes as the list has entries.
class DeliveryLag {
 public:
  explicit DeliveryLag(Metrics& metrics)
      : histogram_(metrics.histogram("holdfast_delivery_lag_seconds",
                                     "Time from publishing a message to the write to the last of its clients on a loop.",
                                     {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})) {}

  void note(size_t length, WallTime published) {
    if (notes_.empty() || notes_.back().length != length) {
      notes_.push_back({length, published});
    } else {
      notes_.back().published = std::min(notes_.back().published, published);
    }
  }

  // The first `length` entries of the list are written. Noted lengths count from the list's present beginning.
  void written(size_t length, const Clock& clock) {
    if (next_ == notes_.size() || notes_[next_].length > length) return;
    const WallTime now = clock.wall();
    for (; next_ < notes_.size() && notes_[next_].length <= length; ++next_) {
      // Clocks of nodes differ: nothing arrives before it was sent.
      histogram_.observe(std::max(0.0, std::chrono::duration<double>(now - notes_[next_].published).count()));
    }
    if (next_ < notes_.size()) return;
    notes_.clear();
    next_ = 0;
  }

 private:
  struct Note {
    size_t length;
    WallTime published;
  };
  Histogram& histogram_;
  std::vector<Note> notes_;
  size_t next_ = 0;
};

}  // namespace holdfast
