#include "gateway/base/timers.h"

namespace holdfast {

void Timer::cancel() {
  if (queue_ != nullptr) queue_->remove(slot_);
}

Timers::~Timers() {
  for (auto& entry : heap_) entry.timer->queue_ = nullptr;
}

void Timers::place(size_t slot, Entry entry) {
  heap_[slot] = entry;
  entry.timer->slot_ = static_cast<uint32_t>(slot);
}

void Timers::sift_up(size_t slot) {
  const Entry moving = heap_[slot];
  while (slot > 0) {
    const size_t parent = (slot - 1) / 2;
    if (heap_[parent].deadline <= moving.deadline) break;
    place(slot, heap_[parent]);
    slot = parent;
  }
  place(slot, moving);
}

void Timers::sift_down(size_t slot) {
  const Entry moving = heap_[slot];
  for (;;) {
    size_t child = 2 * slot + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].deadline < heap_[child].deadline) ++child;
    if (moving.deadline <= heap_[child].deadline) break;
    place(slot, heap_[child]);
    slot = child;
  }
  place(slot, moving);
}

void Timers::remove(size_t slot) {
  heap_[slot].timer->queue_ = nullptr;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (slot == heap_.size()) return;
  place(slot, last);
  sift_up(slot);
  sift_down(last.timer->slot_);
}

void Timers::set_at(Timer& timer, TimePoint deadline) {
  const TimePoint before = next();
  if (timer.queue_ != nullptr) timer.queue_->remove(timer.slot_);
  timer.queue_ = this;
  heap_.push_back({deadline, &timer});
  timer.slot_ = static_cast<uint32_t>(heap_.size() - 1);
  sift_up(timer.slot_);
  if (earlier_ && deadline < before) earlier_();
}

void Timers::run() {
  // One reading of the clock bounds the run: a timer that sets itself to "now" must not keep the loop here.
  const TimePoint now = clock_.now();
  size_t budget = heap_.size();
  while (budget-- > 0 && !heap_.empty() && heap_.front().deadline <= now) {
    Timer* due = heap_.front().timer;
    remove(0);
    due->on_timer();
  }
}

}  // namespace holdfast
