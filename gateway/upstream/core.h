#pragma once

#include <array>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/net/loop.h"
#include "gateway/net/stream.h"
#include "gateway/upstream/client.h"
#include "gateway/upstream/resolver.h"

namespace holdfast {

class Connection;
class Pool;

// Something that goes on later in the turn, outside of whatever its user is doing now.
class Deferred {
 public:
  virtual ~Deferred() = default;
  virtual void on_deferred() = 0;

 private:
  friend class UpstreamCore;
  bool deferred_ = false;
};

struct UpstreamCounts {
  explicit UpstreamCounts(Metrics& metrics);
  Count& of(UpstreamError error) { return *errors[static_cast<size_t>(error)]; }

  Count& ok;
  Count& abandoned;
  std::array<Count*, 6> errors;
  Count& connections;
  Count& connects;
  Count& waiting;
};

// What the calls, pools and connections of one client share. Calls keep it alive, so they may outlive the client (not the loop).
// Threads: its loop.
class UpstreamCore : public std::enable_shared_from_this<UpstreamCore> {
 public:
  UpstreamCore(Loop& its_loop, const UpstreamOptions& its_options, Metrics& metrics);
  ~UpstreamCore();
  UpstreamCore(const UpstreamCore&) = delete;
  UpstreamCore& operator=(const UpstreamCore&) = delete;

  Timers& timers() { return loop.timers(); }
  Pool& pool(const Endpoint& endpoint);
  // The settings for TLS towards an endpoint; read from the disk once.
  Result<std::shared_ptr<const TlsContext>> tls(const Endpoint& endpoint);

  // One post serves all that is put off in a turn.
  void defer(Deferred& user);
  void forget(Deferred& user);
  void serve_later(Pool& pool);
  // Keeps a closed connection until nothing of it can be on the stack.
  void bury(std::unique_ptr<Connection> connection);

  // The client is gone: nothing is kept for later requests.
  void close();
  bool closed() const { return closed_; }

  Loop& loop;
  const UpstreamOptions options;
  UpstreamCounts counts;
  Resolver resolver;

 private:
  struct EndpointHash {
    size_t operator()(const Endpoint& endpoint) const;
  };
  void post();
  void run();
  void drop_unused_pools();

  std::unordered_map<Endpoint, std::unique_ptr<Pool>, EndpointHash> pools_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const TlsContext>> tls_;
  std::vector<Deferred*> deferred_, running_;
  std::vector<Pool*> serve_;
  std::vector<std::unique_ptr<Connection>> buried_;
  bool posted_ = false;
  bool closed_ = false;
};

}  // namespace holdfast
