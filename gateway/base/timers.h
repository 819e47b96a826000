#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "gateway/base/clock.h"

namespace holdfast {

class Timers;

// A deadline that its owner embeds. Destroying or cancelling it takes it out of the queue.
// Cost: 24 bytes idle; setting is O(log n) without allocation.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { cancel(); }

  void cancel();
  bool armed() const { return queue_ != nullptr; }

 protected:
  // Called once per setting, from Timers::run, after the timer has left the queue: it may be set again or destroyed here.
  virtual void on_timer() = 0;

 private:
  friend class Timers;
  Timers* queue_ = nullptr;
  uint32_t slot_ = 0;
};

// A Timer that calls a function; for owners that have more than one.
class CallbackTimer final : public Timer {
 public:
  CallbackTimer() = default;
  explicit CallbackTimer(std::function<void()> call) : call_(std::move(call)) {}
  void set_callback(std::function<void()> call) { call_ = std::move(call); }

 private:
  void on_timer() override {
    auto call = call_;  // the call may destroy this timer
    call();
  }
  std::function<void()> call_;
};

// All timers of one loop: a binary heap of deadlines. Threads: one loop.
class Timers {
 public:
  explicit Timers(const Clock& clock) : clock_(clock) {}
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  ~Timers();

  TimePoint now() const { return clock_.now(); }
  const Clock& clock() const { return clock_; }

  // Arms (or moves) the timer.
  void set_at(Timer& timer, TimePoint deadline);
  void set_in(Timer& timer, Duration delay) { set_at(timer, now() + delay); }

  // Fires what is due, in order of deadline. A timer set while this runs fires in a later run.
  void run();
  // When run() should be called next; TimePoint::max() if nothing waits.
  TimePoint next() const { return heap_.empty() ? TimePoint::max() : heap_.front().deadline; }
  // Called when next() became earlier than it was, so that a loop can shorten its sleep.
  void on_earlier(std::function<void()> call) { earlier_ = std::move(call); }
  size_t size() const { return heap_.size(); }

 private:
  friend class Timer;
  struct Entry {
    TimePoint deadline;
    Timer* timer;
  };
  void remove(size_t slot);
  void sift_up(size_t slot);
  void sift_down(size_t slot);
  void place(size_t slot, Entry entry);

  const Clock& clock_;
  std::vector<Entry> heap_;
  std::function<void()> earlier_;
};

}  // namespace holdfast
