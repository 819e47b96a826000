#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "gateway/net/loop.h"

namespace holdfast {

// The way from any thread into one loop, for as long as what lives there does. Threads: post() from any; close() on the loop, or when no
// loop runs any more.
class LoopDoor {
 public:
  explicit LoopDoor(Loop& loop) : loop_(&loop) {}

  void post(std::function<void()> work) {
    std::lock_guard lock(mutex_);
    if (loop_ != nullptr) loop_->post(std::move(work));
  }
  // After it returns nothing is posted.
  void close() {
    std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Loop* loop_;
};

// A handle to an object of one loop that other loops may hold: calls run on its loop, later, in the order in which one thread made them,
// and find out there whether the object still lives. Threads: bind() and unbind() on the object's loop; the rest from any.
template <class T>
class Remote {
 public:
  Remote() = default;
  // For an object that is about to be made on the door's loop; a call that comes before bind() runs after it.
  explicit Remote(std::shared_ptr<LoopDoor> door) : door_(std::move(door)), place_(std::make_shared<T*>(nullptr)) {}

  void bind(T& object) const { *place_ = &object; }
  void unbind() const { *place_ = nullptr; }

  // Runs work(object).
  template <class Work>
  void call(Work work) const {
    door_->post([place = place_, work = std::move(work)]() mutable {
      if (*place != nullptr) work(**place);
    });
  }
  // Runs otherwise(), there as well, if the object is gone.
  template <class Work, class Otherwise>
  void call(Work work, Otherwise otherwise) const {
    door_->post([place = place_, work = std::move(work), otherwise = std::move(otherwise)]() mutable {
      if (*place != nullptr) return work(**place);
      otherwise();
    });
  }

  bool operator==(const Remote& other) const { return place_ == other.place_; }

 private:
  std::shared_ptr<LoopDoor> door_;
  std::shared_ptr<T*> place_;  // only looked into on the loop
};

}  // namespace holdfast
