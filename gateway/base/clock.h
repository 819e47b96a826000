#pragma once

#include <chrono>

namespace holdfast {

using Duration = std::chrono::milliseconds;
using TimePoint = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// Where every component gets the time from, so that a ten-minute time-out is a microsecond's test.
// Threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;  // monotonic: deadlines, ages
  virtual WallTime wall() const = 0;  // what people and tokens mean by time
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

// Stands still until it is told otherwise. Tests only need it, so it is not thread-safe.
class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  WallTime wall() const override {
    return WallTime(std::chrono::seconds(1'700'000'000)) + std::chrono::duration_cast<WallTime::duration>(now_ - TimePoint());
  }
  void advance(Duration by) { now_ += by; }

 private:
  TimePoint now_ = TimePoint() + std::chrono::hours(1);
};

}  // namespace holdfast
