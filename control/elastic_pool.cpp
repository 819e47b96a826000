#include "control/elastic_pool.h"

#include <system_error>

#include "gateway/base/log.h"

namespace holdfast::control {

bool ElasticPool::offer(Job job) {
  std::list<std::thread> finished;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
    if (closed_ || jobs_.size() >= limits_.waiting) return false;
    if (jobs_.size() >= idle_ && threads_.size() < limits_.threads) spawn();
    if (threads_.empty()) return false;
    jobs_.push_back(std::move(job));
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
    work_.notify_one();
  }
  for (std::thread& thread : finished) thread.join();
  return true;
}

void ElasticPool::spawn() {
  const auto self = threads_.emplace(threads_.end());
  try {
    *self = std::thread([this, self] { work(self); });
  } catch (const std::system_error& error) {
    threads_.erase(self);  // those that exist go on with the work
    log::warn("no further thread for the control door", {{"threads", threads_.size()}, {"reason", error.what()}});
  }
}

void ElasticPool::work(std::list<std::thread>::iterator self) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    const bool woken = work_.wait_for(lock, limits_.linger, [this] { return !jobs_.empty() || closed_; });
    --idle_;
    if (jobs_.empty() && (closed_ || !woken)) break;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
    ++busy_;
    lock.unlock();
    job();
    lock.lock();
    --busy_;
  }
  // A thread cannot join itself: whoever offers or closes next does.
  finished_.splice(finished_.end(), threads_, self);
  if (threads_.empty()) gone_.notify_all();
}

size_t ElasticPool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

void ElasticPool::close() {
  std::list<std::thread> finished;
  {
    std::unique_lock lock(mutex_);
    closed_ = true;
    work_.notify_all();
    gone_.wait(lock, [this] { return threads_.empty(); });
    finished.swap(finished_);
  }
  for (std::thread& thread : finished) thread.join();
}

}  // namespace holdfast::control
