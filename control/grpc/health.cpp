#include "control/grpc/health.h"

#include <chrono>

namespace holdfast::control {
namespace {

constexpr std::chrono::milliseconds kEvery{200};

}  // namespace

HealthTeller::HealthTeller(std::function<bool()> ready, std::function<void(bool)> tell)
    : ready_(std::move(ready)), tell_(std::move(tell)), thread_([this] { run(); }) {}

void HealthTeller::run() {
  bool told = false;
  tell_(told);
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    if (const bool now = ready_(); now != told) tell_(told = now);
    lock.lock();
  } while (!changed_.wait_for(lock, kEvery, [this] { return ending_; }));
}

void HealthTeller::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace holdfast::control
