#pragma once

#include <cstdint>

#include "adapters/kafka/record.h"

namespace holdfast {

// The epoch of a partition's log: what makes a position belong to one message for ever. Kafka's offsets alone do not: a topic that was
// deleted and made again counts from 0, and so does what follows a truncation. Topic ids would tell the first, but librdkafka 2.0 does not
// know them, and a table kept elsewhere survives the topic it describes. So the epoch is written into the log it is about, in marks:
//
//   founding  by a node that read the log up to `offset` and found no epoch there (or found that the log was cut). It counts unless
//             another mark that counts stands at or after `offset`: of several nodes that start at once, the first in log order wins,
//             and every node that reads the log decides alike.
//   repeat    by a node that knows the epoch, right after the founding and then every so many records, so that retention always leaves one
//             and a node finds it without reading everything. A later founding outweighs an earlier one.
//
// A log without a mark (made again, or everything was dropped) gets a new epoch: told, never silent.
// Marks also hold the number of partitions that channels are spread over, which must not change because Kafka's does.
// Threads: one at a time.
class LogEpoch {
 public:
  // Reading begins at `from`; nothing is known yet.
  void begin(int64_t from) {
    *this = LogEpoch();
    from_ = from;
  }

  enum class Said {
    nothing,   // it counts for nothing new
    founded,   // this is the epoch; no repeat of it was seen yet
    repeated,  // this is the epoch
    changed,   // another epoch begins here
    doubt,     // it contradicts what was read: the log is not the one that it was
  };
  Said take(const LogMark& mark, int64_t at) {
    if (mark.founding) {
      if (last_ >= mark.offset) return Said::nothing;
      if (last_ < 0 && from_ > mark.offset) {
        // Another may stand before, where was not read.
        undecided_ = mark.offset;
        return Said::nothing;
      }
      return adopt(mark, at, at, Said::founded);
    }
    if (mark.epoch == epoch_) {
      last_ = at;
      return Said::repeated;
    }
    if (epoch_ == 0 || mark.offset > founded_) return adopt(mark, mark.offset, at, Said::repeated);
    return Said::doubt;
  }

  uint64_t epoch() const { return epoch_; }  // 0: not known
  int64_t founded() const { return founded_; }
  int32_t partitions() const { return partitions_; }
  int64_t last_mark() const { return last_; }       // where the last mark that counts stands; -1: none was seen
  int64_t undecided() const { return undecided_; }  // where to begin reading to decide; -1: that is not the trouble

 private:
  Said adopt(const LogMark& mark, int64_t founded, int64_t at, Said first) {
    const bool other = epoch_ != 0;
    epoch_ = mark.epoch;
    partitions_ = mark.partitions;
    founded_ = founded;
    last_ = at;
    return other ? Said::changed : first;
  }

  int64_t from_ = 0;
  uint64_t epoch_ = 0;
  int64_t founded_ = -1;
  int64_t last_ = -1;
  int64_t undecided_ = -1;
  int32_t partitions_ = 0;
};

}  // namespace holdfast
