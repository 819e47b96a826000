#pragma once

#include <memory>
#include <string>
#include <vector>

#include "redis_server.h"
#include "tcp_gate.h"

namespace holdfast::broker_test {

// A primary, a replica of it and three Sentinels that watch them and agree by two. Everybody, Sentinels too, knows the servers by the
// addresses of gates.
class RedisSentinels {
 public:
  static constexpr const char* kName = "hf";

  // `down_after`: how long a server may be silent before Sentinels replace it, in milliseconds.
  explicit RedisSentinels(unsigned down_after);

  std::vector<std::string> addresses() const;
  RedisServer& primary() { return primary_; }
  RedisServer& replica() { return replica_; }
  TcpGate& primary_gate() { return primary_gate_; }
  TcpGate& replica_gate() { return replica_gate_; }

 private:
  RedisServer primary_{{"--repl-diskless-sync-delay", "0"}};
  RedisServer replica_{{"--repl-diskless-sync-delay", "0"}};
  TcpGate primary_gate_{primary_.port_number()};
  TcpGate replica_gate_{replica_.port_number()};
  std::vector<std::unique_ptr<RedisServer>> sentinels_;
};

}  // namespace holdfast::broker_test
