#pragma once

#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "tcp_gate.h"

namespace holdfast::broker_test {

// A real Kafka of a test's own: one process, broker and controller (or several that form a cluster, see KafkaCluster), in a folder of its
// own, on ports of its own. The jars are those that tests/broker/kafka_jars.sh fetched, or HOLDFAST_KAFKA_HOME's.
class KafkaServer {
 public:
  struct Node {
    int id = 1;
    std::string voters;  // empty: it is alone
    std::string port, controller_port;
    std::string cluster_id;
    int replicas = 1;
  };
  // `properties`: lines of server.properties.
  explicit KafkaServer(std::vector<std::string> properties = {});
  KafkaServer(const Node& node, std::vector<std::string> properties);
  ~KafkaServer();
  KafkaServer(const KafkaServer&) = delete;

  const std::string& address() const { return address_; }
  // Whoever begins here is led through the gate, also to other brokers: those that come by the gate are told the gates' addresses.
  std::string gated_address() const { return "127.0.0.1:" + std::to_string(gate_.port()); }
  TcpGate& gate() { return gate_; }
  void kill();   // at once, like a machine that loses power; its files stay
  void start();  // on the same port, and waits until it answers
  void start_unawaited();
  void await();
  void pause();
  void resume();
  // While it is dead: keeps its files, and puts them back. What was acknowledged in between is lost, as with an unclean election.
  void save() const;
  void restore() const;

 private:
  void write_properties(const Node& node, const std::vector<std::string>& properties) const;
  void format(const std::string& cluster_id) const;

  std::string folder_, address_;
  const uint16_t gated_port_ = free_port();  // behind the gate
  TcpGate gate_{gated_port_};
  pid_t process_ = -1;
};

// One for all tests that let it live, and use topics or channels of their own.
KafkaServer& shared_kafka();

// Three brokers that replicate: one may be lost.
class KafkaCluster {
 public:
  KafkaCluster();
  std::vector<std::string> addresses() const;
  std::vector<std::string> gated_addresses() const;
  std::vector<TcpGate*> gates() const;
  KafkaServer& node(size_t i) { return *nodes_[i]; }

 private:
  std::vector<std::unique_ptr<KafkaServer>> nodes_;
};

// One for all tests that end with all three alive.
KafkaCluster& shared_kafka_cluster();

// What tests do to a Kafka besides publishing. Each call blocks until it is done; throws if it fails.
class KafkaAdmin {
 public:
  explicit KafkaAdmin(std::string address) : address_(std::move(address)) {}
  void create_topic(const std::string& name, int partitions, const std::vector<std::pair<std::string, std::string>>& settings = {}) const;
  void delete_topic(const std::string& name) const;  // and waits until nobody knows it
  void grow_topic(const std::string& name, int partitions) const;
  // A record of a foreign producer. Without a key if `key` is null.
  void produce(const std::string& topic, int partition, const char* key, const char* value,
               const std::vector<std::pair<std::string, std::string>>& headers = {}) const;
  // Everything before the offset is gone, as after retention.
  void delete_records(const std::string& topic, int partition, int64_t before) const;
  int leader(const std::string& topic, int partition) const;   // the node's id
  int in_sync(const std::string& topic, int partition) const;  // replicas that have everything
  int partitions(const std::string& topic) const;              // 0: no such topic

 private:
  std::string address_;
};

}  // namespace holdfast::broker_test
