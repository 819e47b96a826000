#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "gateway/base/clock.h"

namespace holdfast::control {

// Threads on demand, up to a bound, before a bounded queue; threads without work go away after a while.
// Threads: any may offer. Order: jobs begin in the order they were offered.
class ElasticPool {
 public:
  struct Limits {
    size_t threads = 64;
    size_t waiting = 1024;
    Duration linger = std::chrono::seconds(5);
  };
  using Job = std::function<void()>;

  explicit ElasticPool(Limits limits) : limits_(limits) {}
  ~ElasticPool() { close(); }
  ElasticPool(const ElasticPool&) = delete;
  ElasticPool& operator=(const ElasticPool&) = delete;

  // False: the queue is full or the pool closed; the job was not taken.
  bool offer(Job job);
  // Whether work waits for a thread.
  bool pressed() const { return waiting_.load(std::memory_order_relaxed) > 0; }
  // Whether every thread that there may be has a job: a worker that could wait for its own next job should not.
  bool crowded() const { return busy_.load(std::memory_order_relaxed) >= limits_.threads; }
  size_t threads() const;
  // Runs what was taken, then joins all. Twice is harmless.
  void close();

 private:
  void spawn();  // with the lock held
  void work(std::list<std::thread>::iterator self);

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable gone_;
  std::deque<Job> jobs_;
  std::list<std::thread> threads_;
  std::list<std::thread> finished_;
  std::atomic<size_t> waiting_{0};
  std::atomic<size_t> busy_{0};
  size_t idle_ = 0;
  bool closed_ = false;
};

}  // namespace holdfast::control
