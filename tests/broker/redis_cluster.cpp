#include "redis_cluster.h"

#include <stdexcept>

#include "harness.h"

namespace holdfast::broker_test {

namespace {

constexpr unsigned kFirstSlot[] = {0, 5461, 10923, 16384};

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

RedisCluster::RedisCluster(const std::vector<std::string>& options, bool replicas, Authority* authority) {
  const size_t count = replicas ? 6 : 3;
  std::vector<std::string> words{"--cluster-enabled",          "yes", "--cluster-node-timeout",     "1000",
                                 "--repl-diskless-sync-delay", "0",   "--repl-ping-replica-period", "1"};
  words.insert(words.end(), options.begin(), options.end());
  std::vector<std::string> bus_ports;
  for (size_t i = 0; i < count; ++i) {
    // Its own choice, ten thousand beyond the port, may not be a port.
    bus_ports.push_back(RedisServer::free_port());
    auto own = words;
    own.insert(own.end(), {"--cluster-port", bus_ports.back()});
    if (authority != nullptr) {
      ports_.push_back(RedisServer::free_port());
      const auto tls = tls_options(ports_.back(), *authority, authority->sign("IP:127.0.0.1"));
      own.insert(own.end(), tls.begin(), tls.end());
      own.insert(own.end(), {"--tls-cluster", "yes"});
    }
    nodes_.push_back(std::make_unique<RedisServer>(own));
    if (authority == nullptr) {
      gates_.push_back(std::make_unique<TcpGate>(nodes_.back()->port_number()));
      ports_.push_back(std::to_string(gates_.back()->port()));
      nodes_.back()->command({"CONFIG", "SET", "cluster-announce-port", ports_.back()});
    }
    nodes_.back()->command({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
  }
  for (size_t i = 0; i < 3; ++i) {
    nodes_[i]->command({"CLUSTER", "ADDSLOTSRANGE", std::to_string(kFirstSlot[i]), std::to_string(kFirstSlot[i + 1] - 1)});
  }
  const std::string known = "cluster_known_nodes:" + std::to_string(count);
  for (size_t i = 1; i < count; ++i) nodes_[0]->command({"CLUSTER", "MEET", "127.0.0.1", ports_[i], bus_ports[i]});
  const auto met = [&] {
    for (const auto& node : nodes_) {
      if (!holds(node->command({"CLUSTER", "INFO"}), known)) return false;
    }
    return true;
  };
  if (!eventually(met)) throw std::runtime_error("the nodes do not meet");
  for (size_t i = 3; i < count; ++i) {
    const auto of = nodes_[i - 3]->command({"CLUSTER", "MYID"});
    if (!eventually([&] { return nodes_[i]->command({"CLUSTER", "REPLICATE", of}) == "OK"; })) throw std::runtime_error("REPLICATE");
  }
  if (!eventually([&] { return is_whole(); })) throw std::runtime_error("the cluster does not become whole");
}

std::vector<std::string> RedisCluster::addresses() const {
  std::vector<std::string> out;
  for (const auto& port : ports_) out.push_back("127.0.0.1:" + port);
  return out;
}

std::vector<TcpGate*> RedisCluster::gates() const {
  std::vector<TcpGate*> out;
  for (const auto& gate : gates_) out.push_back(gate.get());
  return out;
}

size_t RedisCluster::owner_of(unsigned slot) { return slot < kFirstSlot[1] ? 0 : slot < kFirstSlot[2] ? 1 : 2; }

bool RedisCluster::is_whole() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const auto info = nodes_[i]->command({"CLUSTER", "INFO"});
    if (!holds(info, "cluster_state:ok") || !holds(info, "cluster_slots_ok:16384")) return false;
    if (i < 3) continue;
    // From its first acknowledgement on it is sent what is written.
    const auto replication = nodes_[i - 3]->command({"INFO", "replication"});
    if (!holds(replication, "state=online") || holds(replication, "state=online,offset=0,")) return false;
  }
  return true;
}

}  // namespace holdfast::broker_test
