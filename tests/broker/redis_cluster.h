#pragma once

#include <memory>
#include <string>
#include <vector>

#include "redis_certificates.h"
#include "redis_server.h"

namespace holdfast::broker_test {

// A Redis Cluster of three primaries, each with a third of the slots, and a replica of each.
class RedisCluster {
 public:
  // `options`: more of redis-server's. With `replicas` false there are primaries only. With an authority its addresses speak TLS.
  explicit RedisCluster(const std::vector<std::string>& options = {}, bool replicas = true, Authority* authority = nullptr);

  std::vector<std::string> addresses() const;  // of all nodes
  RedisServer& primary(size_t index) { return *nodes_.at(index); }
  RedisServer& replica(size_t index) { return *nodes_.at(3 + index); }
  // The index of the primary that has the slot from the beginning.
  static size_t owner_of(unsigned slot);
  // Every node says that all is well, and replicas are in step.
  bool is_whole();

 private:
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::string> ports_;  // of addresses()
};

}  // namespace holdfast::broker_test
