#pragma once

#include <memory>
#include <string>
#include <vector>

#include "redis_certificates.h"
#include "redis_server.h"
#include "tcp_gate.h"

namespace holdfast::broker_test {

// A Redis Cluster of three primaries, each with a third of the slots, and a replica of each. Clients and replicas reach each node through a
// gate, whose address is what nodes tell of each other; the nodes' own bus does not pass it.
class RedisCluster {
 public:
  // `options`: more of redis-server's. With `replicas` false there are primaries only. With an authority its addresses speak TLS, without
  // gates.
  explicit RedisCluster(const std::vector<std::string>& options = {}, bool replicas = true, Authority* authority = nullptr);

  std::vector<std::string> addresses() const;  // of all nodes
  RedisServer& primary(size_t index) { return *nodes_.at(index); }
  RedisServer& replica(size_t index) { return *nodes_.at(3 + index); }
  TcpGate& gate(size_t index) { return *gates_.at(index); }  // in the order of addresses()
  std::vector<TcpGate*> gates() const;
  // The index of the primary that has the slot from the beginning.
  static size_t owner_of(unsigned slot);
  // Every node says that all is well, and replicas are in step.
  bool is_whole();

 private:
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::unique_ptr<TcpGate>> gates_;
  std::vector<std::string> ports_;  // of addresses()
};

}  // namespace holdfast::broker_test
