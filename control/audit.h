#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "gateway/base/clock.h"

namespace holdfast::control {

// One line of the log for each thing that an operator did and for each that somebody was refused. A flood of them costs twenty lines a
// second; how many were left out stands in the next line. Never a secret. Threads: any.
class Audit {
 public:
  void done(std::string_view caller, std::string_view action, std::string_view target, std::string_view outcome);
  void refused(std::string_view caller, std::string_view action, std::string_view target, std::string_view reason);

 private:
  // Whether there is room for a line now; then `left_out` is how many had none before it.
  bool admit(int64_t& left_out);

  std::mutex mutex_;
  TimePoint second_;  // when the present second began
  int lines_ = 0;     // in it
  int64_t left_out_ = 0;
};

}  // namespace holdfast::control
