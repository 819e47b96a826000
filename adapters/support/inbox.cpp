#include "adapters/support/inbox.h"

#include <cstdint>
#include <sys/eventfd.h>
#include <utility>

#include <unistd.h>

namespace holdfast {

Inbox::Inbox() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
Inbox::~Inbox() { ::close(fd_); }

void Inbox::ring() const {
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

void Inbox::post(std::function<void()> call) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(call));
  }
  if (first) ring();
}

void Inbox::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ring();
}

// The bell is silenced before the calls are taken: whoever posts in between is taken too, whoever posts later rings again.
void Inbox::run_posted() {
  uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(posted_);
  }
  for (auto& call : calls) call();
}

bool Inbox::over() {
  const std::lock_guard lock(mutex_);
  return ending_ && posted_.empty();
}

}  // namespace holdfast
