#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gateway/broker/broker.h"

namespace holdfast {

// What the broker side has for one loop.
struct Mail {
  enum class Kind { publication, gap, confirmed, confirmed_first, revisit, broker_back };
  Kind kind = Kind::publication;
  PublicationPtr publication;
  std::string channel;  // all but publications
  Duration delay{};     // revisit
};

// The way from any thread into one loop, in order. One post wakes the loop for all that waits, so a burst costs one.
// Bounded: past kMost publications are not kept and their channels get a gap instead, which history usually fills.
// Threads: put and close from any; take on the loop.
class Mailbox {
 public:
  static constexpr size_t kMost = 100'000;

  explicit Mailbox(std::function<void(std::function<void()>)> post) : post_(std::move(post)) {}
  // What is posted when mail comes into an empty box.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }

  // False: there was no room, a gap takes its place.
  bool put(Mail mail) {
    std::lock_guard lock(mutex_);
    if (closed_) return true;
    bool kept = true;
    if (mail.kind == Mail::Kind::publication && waiting_.size() >= kMost) {
      kept = false;
      if (!lost_.insert(mail.publication->channel).second) return false;
      mail = Mail{Mail::Kind::gap, nullptr, mail.publication->channel, {}};
    }
    waiting_.push_back(std::move(mail));
    if (!std::exchange(awake_, true)) post_(wake_);
    return kept;
  }

  // Swaps all that waits into `out`, which is empty. When nothing waits the next put() wakes the loop again.
  void take(std::vector<Mail>& out) {
    std::lock_guard lock(mutex_);
    out.swap(waiting_);
    lost_.clear();
    if (out.empty()) awake_ = false;
  }
  size_t size() const {
    std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  // Wakes the loop again for what was taken and not yet done.
  void again() {
    std::lock_guard lock(mutex_);
    if (!closed_) post_(wake_);
  }
  // After it returns nothing is posted.
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.clear();
  }

 private:
  mutable std::mutex mutex_;
  const std::function<void(std::function<void()>)> post_;
  std::function<void()> wake_;
  std::vector<Mail> waiting_;
  std::unordered_set<std::string> lost_;  // channels whose gap waits already
  bool awake_ = false;
  bool closed_ = false;
};

}  // namespace holdfast
