#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/base/metrics.h"
#include "gateway/base/options.h"
#include "gateway/net/exchange.h"
#include "gateway/net/head_check.h"
#include "gateway/net/stream.h"

namespace holdfast {

class Loop;

struct EdgeOptions {
  uint64_t max_request_head = 16384;
  int64_t max_header_fields = 100;
  uint64_t max_request_target = 8192;
  uint64_t max_request_body = 0;  // 0: no limit; bodies are streamed
  Duration head_timeout{10000};   // from the first byte (or the connection) to the whole head
  Duration idle_timeout{75000};   // a kept-alive connection without a request
  uint64_t body_min_rate = 500;   // bytes a second, after body_grace
  Duration body_grace{5000};
  Duration write_stall{30000};       // no progress for so long while bytes wait
  uint64_t hold_queue = 65536;       // unsent bytes of a held connection; past it, it is dropped
  uint64_t send_buffer = 65536;      // unsent bytes that the kernel may hold (TCP_NOTSENT_LOWAT)
  int64_t max_connections = 100000;  // per loop
};
void declare(OptionSet& set, EdgeOptions& options);  // section "edge"

// One address to listen on.
struct ListenOptions {
  std::string address;                             // "127.0.0.1:7999", "[::]:7999", "*:80", "unix:/run/holdfast.sock"
  std::vector<TlsServerCertificate> certificates;  // empty: plain
  std::string unix_mode;                           // octal, Unix sockets only
  std::string where;                               // for errors
};

// Bound sockets of one address, one per loop (SO_REUSEPORT; Unix sockets are shared). Port 0 picks a free one: see `address`.
struct BoundAddress {
  std::string address;  // with the real port
  std::vector<int> sockets;
};
Result<BoundAddress> bind_address(const ListenOptions& options, size_t loops, const EdgeOptions& edge);

// One loop's HTTP/1.1 server. Threads: its loop, after construction.
class HttpServer {
 public:
  HttpServer(Loop& loop, const EdgeOptions& options, ExchangeHandler& handler, Metrics& metrics);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Accepts from a bound socket (taken over). `tls` null: plain. Returns an index for set_tls.
  size_t listen(int socket, std::shared_ptr<const TlsContext> tls);
  // New connections of that listener use the new certificates.
  void set_tls(size_t listener, std::shared_ptr<const TlsContext> tls);

  // Drain: no new connections; idle ones are closed; each response from now on says Connection: close.
  void stop_accepting();
  size_t connections() const;
  // What was queued on connections in this turn was published then: once it was written, how old it is goes into the metric.
  void delivered(WallTime published);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace holdfast
