#pragma once

#include "gateway/net/delivery_lag.h"
#include "gateway/net/loop.h"
#include "gateway/net/peer_address.h"
#include "gateway/net/server.h"

namespace holdfast {

class Http1Connection;
class Acceptor;

// What the connections of one server share. Threads: its loop.
struct HttpServer::State {
  State(Loop& l, const EdgeOptions& o, ExchangeHandler& h, Metrics& metrics);
  ~State();

  // The connection has bytes to write or a step to make at the end of this turn.
  void mark(Http1Connection& connection);
  // Destroys the connection at the end of this turn.
  void bury(Http1Connection& connection);
  void accept(int socket, const PeerAddress& peer, const std::shared_ptr<const TlsContext>& tls);
  void run_marked();
  void delivered(WallTime published);

  Loop& loop;
  const EdgeOptions options;
  const HeadLimits limits;
  ExchangeHandler& handler;
  bool draining = false;

  std::vector<Http1Connection*> connections;  // owned; each knows its place
  std::vector<std::unique_ptr<Acceptor>> acceptors;

  Count& open;
  Count& accepted;
  Count& refused;
  Count& requests;
  Count& bad_requests;
  Count& slow_dropped;
  Count& queue_bytes;
  int64_t queued = 0;  // of all connections; told to queue_bytes once a turn

 private:
  void schedule();

  Count& limit_;
  int64_t told_queued_ = 0;
  std::vector<Http1Connection*> marked_;
  size_t cursor_ = 0;
  DeliveryLag lag_;
  std::vector<std::unique_ptr<Http1Connection>> buried_;
  bool scheduled_ = false;
};

// Reads go through one buffer per thread: a connection owns none while it waits.
inline constexpr size_t kReadBuffer = 65536;
char* read_buffer();

}  // namespace holdfast
