#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace holdfast {

// Calls from any thread to the one thread of an adapter, which waits for descriptors: fd() is readable when calls wait. Order: as posted.
// Bound: the callers'; what they post is bounded at the adapter's door.
class Inbox {
 public:
  Inbox();
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // From any thread. Cost: a lock, and a system call if nothing waited yet.
  void post(std::function<void()> call);
  void end();  // nothing is posted after it
  int fd() const { return fd_; }

  // The thread's.
  void run_posted();
  bool over();  // end() was called, and everything that was posted has run

 private:
  void ring() const;

  const int fd_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool ending_ = false;
};

}  // namespace holdfast
