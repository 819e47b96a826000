#include "adapters/support/completions.h"

#include <utility>

namespace holdfast {

Completions::Completions() : thread_([this] { run(); }) {}

Completions::~Completions() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    more_.notify_one();
  }
  thread_.join();
}

void Completions::add(std::function<void()> call) { add(Work{std::move(call), {}, {}}); }

void Completions::add(Broker::ReceiptsDone done, std::vector<Result<PublishReceipt>> receipts) {
  add(Work{{}, std::move(done), std::move(receipts)});
}

void Completions::add(Work work) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    wake = std::exchange(asleep_, false);
  }
  if (wake) more_.notify_one();
}

void Completions::drain() {
  if (std::this_thread::get_id() == thread_.get_id()) return;
  std::mutex mutex;
  std::condition_variable reached;
  bool done = false;
  add([&] {
    std::lock_guard lock(mutex);
    done = true;
    reached.notify_one();
  });
  std::unique_lock lock(mutex);
  reached.wait(lock, [&] { return done; });
}

void Completions::run() {
  std::vector<Work> taken;
  std::unique_lock lock(mutex_);
  for (;;) {
    while (waiting_.empty()) {
      if (ending_) return;
      asleep_ = true;
      more_.wait(lock);
    }
    asleep_ = false;
    taken.swap(waiting_);
    lock.unlock();
    for (auto& work : taken) {
      if (work.call) {
        work.call();
      } else if (work.done) {
        work.done(std::move(work.receipts));
      }
      work = {};  // what the call holds goes now, not with the batch
    }
    taken.clear();
    lock.lock();
  }
}

}  // namespace holdfast
