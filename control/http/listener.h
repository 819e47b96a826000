#pragma once

#include <cstdint>
#include <memory>

#include "control/address.h"
#include "control/http/handler.h"
#include "control/http/tls_stream.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"

namespace holdfast::control {

struct ListenerLimits {
  uint64_t head = 16'384;
  size_t threads = 64;
  size_t connections = 1024;
  size_t streams = 0;  // answers without a known end
  Duration idle = std::chrono::seconds(30);
  Duration request = std::chrono::seconds(10);
};

// An HTTP/1.1 listener with keep-alive that gives every request to a handler. A connection takes a worker thread only while it has a
// request. A connection beyond the bound is answered 503 at once; nothing hangs. Threads: its own; start and stop belong to one thread.
class Listener {
 public:
  // `door` labels its metrics: "http", "admin". The handler must outlive stop().
  // `tls`: null for plain connections; loaded, and there until stop().
  Listener(RequestHandler& handler, ListenerLimits limits, Metrics& metrics, const std::string& door, const TlsAcceptor* tls = nullptr);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  Result<void> start(const ListenAddress& address);
  // The bound port; 0 before start.
  uint16_t port() const;
  // Takes no further request, lets those under way answer, joins every thread. Twice is harmless.
  void stop();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace holdfast::control
