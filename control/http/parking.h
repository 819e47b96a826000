#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "control/http/connection.h"
#include "control/http/poll_thread.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace holdfast::control {

using ConnectionPtr = std::shared_ptr<Connection>;

// Where connections without a request wait, all on one thread: an idle publisher holds no worker, so any number of them starves nobody, and
// sixteen idle ones cost no CPU at all (cpp-httplib's own loop polls each every 10 ms).
// Threads: any may park; `ready` runs on the parking thread and must not block.
class Parking {
 public:
  // `ready` gets a connection that has something to read; one that stays silent for `patience` is closed.
  Parking(Duration patience, std::function<void(ConnectionPtr)> ready);
  ~Parking() { stop(); }
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  Result<void> start();
  // Closes what is parked. Later park() calls close at once. Twice is harmless.
  void stop();
  void park(ConnectionPtr connection);

 private:
  struct Place {
    ConnectionPtr connection;
    TimePoint deadline;
  };
  using Places = std::list<Place>;  // in order of deadline: everybody has the same patience

  void run();
  int sleep_milliseconds();
  ConnectionPtr leave(int socket);
  void close_expired();

  const Duration patience_;
  const std::function<void(ConnectionPtr)> ready_;
  std::mutex mutex_;
  Places places_;
  std::unordered_map<int, Places::iterator> by_socket_;
  bool stopping_ = false;
  PollThread thread_;
};

}  // namespace holdfast::control
