#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "gateway/base/metrics.h"
#include "gateway/base/timers.h"

namespace boost::asio {
class io_context;
}

namespace holdfast {

// Told about readiness of a file descriptor: the EPOLL* bits of an edge. Everything that was ready before the last EAGAIN is told once.
class Watch {
 public:
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~Watch() = default;
};

// One thread's event loop. It owns its listeners, connections, sessions, upstream pool, timers and hub shard: plain containers, no locks.
// Threads: post() and stop() from any; everything else on the loop itself (or before run()).
class Loop {
 public:
  Loop(const Clock& clock, Metrics& metrics);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();  // until stop(); on the calling thread
  void stop();
  void post(std::function<void()> work);

  Timers& timers();
  boost::asio::io_context& context();

  // Edge-triggered readiness, registered once for the life of the descriptor. Asio's own waits would cost a system call each and some 350
  // bytes per idle connection; these cost neither. remove() may be called from inside any on_events, its own included.
  void add(int fd, Watch& watch);
  void remove(int fd, Watch& watch);
  // Calls watch.on_events(0) soon, from the loop. Dropped by remove().
  void nudge(Watch& watch);

  // Runs `work` at the end of this turn, after the handlers that are ready now: what many of them did leaves in one write.
  void at_turn_end(std::function<void()> work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast
