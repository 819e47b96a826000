#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace holdfast::control {

// Asks whether the node is ready and tells changes to `tell`, on a thread of its own: readiness is asked for, gRPC's health is told.
class HealthTeller {
 public:
  HealthTeller(std::function<bool()> ready, std::function<void(bool)> tell);
  ~HealthTeller() { stop(); }
  HealthTeller(const HealthTeller&) = delete;
  HealthTeller& operator=(const HealthTeller&) = delete;

  void stop();  // twice is harmless

 private:
  void run();

  const std::function<bool()> ready_;
  const std::function<void(bool)> tell_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace holdfast::control
