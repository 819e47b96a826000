#include "redis_sentinels.h"

#include <stdexcept>

#include "harness.h"

namespace holdfast::broker_test {

RedisSentinels::RedisSentinels(unsigned down_after) {
  const std::string port = std::to_string(primary_gate_.port());
  primary_.command({"CONFIG", "SET", "replica-announce-port", port});
  replica_.command({"CONFIG", "SET", "replica-announce-port", std::to_string(replica_gate_.port())});
  replica_.command({"REPLICAOF", "127.0.0.1", port});
  const std::string begin = "sentinel ", hf = std::string(" ") + kName + " ";
  for (int i = 0; i < 3; ++i) {
    sentinels_.push_back(RedisServer::sentinel(begin + "monitor" + hf + "127.0.0.1 " + port + " 2\n" + begin + "down-after-milliseconds" +
                                               hf + std::to_string(down_after) + "\n" + begin + "failover-timeout" + hf + "3000\n"));
  }
  for (const auto& sentinel : sentinels_) {
    const auto knows_all = [&] {
      return sentinel->command({"SENTINEL", "CKQUORUM", kName}).starts_with("OK 3 ") &&
             sentinel->command({"INFO", "sentinel"}).find("slaves=1,sentinels=3") != std::string::npos;
    };
    if (!eventually(knows_all)) throw std::runtime_error("the Sentinels do not find each other");
  }
  if (!primary_.wait_for_replica()) throw std::runtime_error("the replica does not follow");
}

std::vector<std::string> RedisSentinels::addresses() const {
  std::vector<std::string> out;
  for (const auto& sentinel : sentinels_) out.push_back(sentinel->address());
  return out;
}

}  // namespace holdfast::broker_test
