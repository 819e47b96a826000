#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/http/connection.h"
#include "control/http/event_source.h"
#include "control/http/poll_thread.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// Connections whose answer goes on for long, all on one thread: a reader holds no worker, and one that does not read holds nobody up. What
// waits for a reader waits in its source, which is bounded. Threads: any may add.
class EventStreams {
 public:
  EventStreams(size_t most, Count& open) : most_(most), open_(open) {}
  ~EventStreams() { stop(); }
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  Result<void> start();
  // Has every source say its end, gives readers a second to take it, closes. Twice is harmless.
  void stop();

  // Writes a head and then what the source says, in chunks. False: too many.
  bool add(std::shared_ptr<Connection> connection, std::shared_ptr<EventSource> source);

 private:
  struct Stream {
    std::shared_ptr<Connection> connection;
    std::shared_ptr<EventSource> source;
    std::string pending;  // rendered and not yet taken by the socket
    TimePoint wrote;      // when the socket last took something
    bool last = false;    // the last chunk is in `pending`
    bool blocked = false;
  };

  void run();
  void take_new();
  void pump(int socket);
  void tend_silent();  // keep-alive comments; readers that take nothing are dropped
  bool flush(int socket, Stream& stream);
  void drop(int socket);
  void wake(int socket);

  const size_t most_;
  Count& open_;
  PollThread thread_;
  std::mutex mutex_;
  std::vector<std::pair<int, Stream>> new_;
  std::vector<int> ready_;
  size_t count_ = 0;
  bool stopping_ = false;

  std::map<int, Stream> streams_;  // by socket; the thread's own
};

}  // namespace holdfast::control
