#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <sys/epoll.h>
#include <thread>

#include "gateway/base/result.h"

namespace holdfast::control {

// A thread that waits for many sockets, and for others to wake it. Threads: any may wake, add, change and remove between start() and
// close().
class PollThread {
 public:
  PollThread() = default;
  ~PollThread() { close(); }
  PollThread(const PollThread&) = delete;
  PollThread& operator=(const PollThread&) = delete;

  // Runs `run` on the thread. Errors: internal, what the system says.
  Result<void> start(std::function<void()> run);
  bool started() const { return wake_ >= 0; }
  void wake() const;
  // `run` is to end: waits for that.
  void join();
  // Joins, and lets go of the system's handles. Twice is harmless.
  void close();

  // `events`: of epoll. False: the system has no memory for it.
  bool add(int socket, uint32_t events) const;
  void change(int socket, uint32_t events) const;
  void remove(int socket) const;

  // On the thread: what happened, within `milliseconds` (-1: however long it takes). A wake-up ends the wait and is not among them.
  std::span<epoll_event> wait(std::span<epoll_event> room, int milliseconds) const;

 private:
  int poll_ = -1;
  int wake_ = -1;
  std::thread thread_;
};

}  // namespace holdfast::control
