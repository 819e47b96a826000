#include "kafka_server.h"

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <spawn.h>
#include <unistd.h>

#include "tcp_gate.h"

extern char** environ;

namespace holdfast::broker_test {

namespace {

constexpr int kPatience = 60'000;  // ms: a Java program on a machine that does other things

std::string some_port() { return std::to_string(free_port()); }

std::string jars() {
  const char* home = std::getenv("HOLDFAST_KAFKA_HOME");
  const std::string folder = home != nullptr ? home : HOLDFAST_KAFKA_JARS;
  if (!std::filesystem::exists(folder)) throw std::runtime_error("no Kafka in " + folder + ": run tests/broker/kafka_jars.sh");
  return folder + "/*";
}

pid_t spawn(const std::string& log, std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t process = -1;
  const int failed = ::posix_spawnp(&process, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error(words[0] + " cannot be started: is it installed?");
  return process;
}

constexpr const char* kQuiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";

// A client for one question.
struct Client {
  Client(const std::string& address, rd_kafka_type_t type) {
    auto* conf = rd_kafka_conf_new();
    char text[256];
    rd_kafka_conf_set(conf, "bootstrap.servers", address.c_str(), text, sizeof text);
    rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "100", text, sizeof text);
    rd_kafka_conf_set(conf, "allow.auto.create.topics", "false", text, sizeof text);
    rd_kafka_conf_set_log_cb(conf, nullptr);
    handle = rd_kafka_new(type, conf, text, sizeof text);
    if (handle == nullptr) throw std::runtime_error(text);
    queue = rd_kafka_queue_new(handle);
  }
  ~Client() {
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(handle);
  }
  Client(const Client&) = delete;

  // The answer of an admin request.
  void wait(const std::string& what, const std::function<rd_kafka_resp_err_t(rd_kafka_event_t*)>& error_of) const {
    auto* event = rd_kafka_queue_poll(queue, kPatience);
    if (event == nullptr) throw std::runtime_error(what + ": no answer");
    auto error = rd_kafka_event_error(event);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = error_of(event);
    rd_kafka_event_destroy(event);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
  }
  // Partitions; 0: no such topic. `leader` and `in_sync`: of that partition.
  int ask(const std::string& name, int partition, int* leader, int* in_sync = nullptr) const {
    auto* topic = rd_kafka_topic_new(handle, name.c_str(), nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto error = rd_kafka_metadata(handle, 0, topic, &metadata, kPatience);
    rd_kafka_topic_destroy(topic);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(error));
    const auto& found = metadata->topics[0];
    const int count = found.err == RD_KAFKA_RESP_ERR_NO_ERROR ? found.partition_cnt : 0;
    for (int i = 0; i < count; ++i) {
      if (found.partitions[i].id != partition) continue;
      if (leader != nullptr) *leader = found.partitions[i].leader;
      if (in_sync != nullptr) *in_sync = found.partitions[i].isr_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return count;
  }

  rd_kafka_t* handle;
  rd_kafka_queue_t* queue;
};

rd_kafka_resp_err_t first_error(const rd_kafka_topic_result_t* const* results, size_t count) {
  return count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
}

}  // namespace

KafkaServer::KafkaServer(std::vector<std::string> properties)
    : KafkaServer(Node{1, {}, some_port(), some_port(), "AAAAAAAAAAAAAAAAAAAAAQ", 1}, std::move(properties)) {
  start();
}

KafkaServer::KafkaServer(const Node& node, std::vector<std::string> properties) {
  char folder[] = "/tmp/holdfast-kafka-XXXXXX";
  if (::mkdtemp(folder) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = folder;
  address_ = "127.0.0.1:" + node.port;
  write_properties(node, properties);
  format(node.cluster_id);
}

KafkaServer::~KafkaServer() {
  kill();
  std::filesystem::remove_all(folder_);
}

void KafkaServer::write_properties(const Node& node, const std::vector<std::string>& properties) const {
  std::ofstream out(folder_ + "/server.properties");
  const std::string copies = std::to_string(node.replicas);
  out << "process.roles=broker,controller\n"
      << "node.id=" << node.id << "\n"
      << "controller.quorum.voters=" << (node.voters.empty() ? "1@127.0.0.1:" + node.controller_port : node.voters) << "\n"
      << "listeners=PLAINTEXT://" << address_ << ",GATED://127.0.0.1:" << gated_port_ << ",CONTROLLER://127.0.0.1:" << node.controller_port
      << "\n"
      << "advertised.listeners=PLAINTEXT://" << address_ << ",GATED://" << gated_address() << "\n"
      << "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,GATED:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
      << "controller.listener.names=CONTROLLER\n"
      << "inter.broker.listener.name=PLAINTEXT\n"
      << "log.dirs=" << folder_ << "/data\n"
      << "auto.create.topics.enable=false\n"
      << "default.replication.factor=" << copies << "\n"
      << "min.insync.replicas=" << (node.replicas > 1 ? 2 : 1) << "\n"
      << "offsets.topic.num.partitions=1\n"
      << "offsets.topic.replication.factor=" << copies << "\n"
      << "transaction.state.log.num.partitions=1\n"
      << "transaction.state.log.replication.factor=" << copies << "\n"
      << "transaction.state.log.min.isr=1\n"
      << "share.coordinator.state.topic.replication.factor=" << copies << "\n"
      << "share.coordinator.state.topic.min.isr=1\n"
      // Otherwise a broker that was killed is refused for nine seconds after its restart.
      << "broker.session.timeout.ms=1500\n"
      << "broker.heartbeat.interval.ms=300\n";
  for (const auto& line : properties) out << line << "\n";
}

void KafkaServer::format(const std::string& cluster_id) const {
  const pid_t tool = spawn(folder_ + "/format.log", {"java", "-XX:TieredStopAtLevel=1", kQuiet, "-cp", jars(), "kafka.tools.StorageTool",
                                                     "format", "-t", cluster_id, "-c", folder_ + "/server.properties"});
  int status = 0;
  ::waitpid(tool, &status, 0);
  if (status != 0) throw std::runtime_error("Kafka's storage cannot be made: see " + folder_ + "/format.log");
}

void KafkaServer::start_unawaited() {
  process_ = spawn(folder_ + "/server.log", {"java", "-Xms96m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", kQuiet, "-cp",
                                             jars(), "kafka.Kafka", folder_ + "/server.properties"});
}

void KafkaServer::await() {
  const Client client(address_, RD_KAFKA_CONSUMER);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
  while (rd_kafka_metadata(client.handle, 0, nullptr, &metadata, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (std::chrono::steady_clock::now() > until || ::waitpid(process_, nullptr, WNOHANG) != 0) {
      throw std::runtime_error("Kafka does not start: see " + folder_ + "/server.log");
    }
  }
  rd_kafka_metadata_destroy(metadata);
}

void KafkaServer::start() {
  start_unawaited();
  await();
}

void KafkaServer::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void KafkaServer::pause() { ::kill(process_, SIGSTOP); }
void KafkaServer::resume() { ::kill(process_, SIGCONT); }

void KafkaServer::save() const {
  std::filesystem::remove_all(folder_ + "/saved");
  std::filesystem::copy(folder_ + "/data", folder_ + "/saved", std::filesystem::copy_options::recursive);
}

void KafkaServer::restore() const {
  std::filesystem::remove_all(folder_ + "/data");
  std::filesystem::copy(folder_ + "/saved", folder_ + "/data", std::filesystem::copy_options::recursive);
}

KafkaServer& shared_kafka() {
  static KafkaServer server;
  return server;
}

// ---- a cluster

KafkaCluster::KafkaCluster() {
  std::vector<KafkaServer::Node> nodes(3);
  std::string voters;
  for (int i = 0; i < 3; ++i) {
    nodes[static_cast<size_t>(i)] = {i + 1, {}, some_port(), some_port(), "AAAAAAAAAAAAAAAAAAAAAw", 3};
    voters += (i > 0 ? "," : "") + std::to_string(i + 1) + "@127.0.0.1:" + nodes[static_cast<size_t>(i)].controller_port;
  }
  for (auto& node : nodes) {
    node.voters = voters;
    nodes_.push_back(std::make_unique<KafkaServer>(node, std::vector<std::string>{}));
  }
  for (auto& node : nodes_) node->start_unawaited();
  for (auto& node : nodes_) node->await();
}

std::vector<std::string> KafkaCluster::addresses() const {
  std::vector<std::string> out;
  for (const auto& node : nodes_) out.push_back(node->address());
  return out;
}

std::vector<std::string> KafkaCluster::gated_addresses() const {
  std::vector<std::string> out;
  for (const auto& node : nodes_) out.push_back(node->gated_address());
  return out;
}

std::vector<TcpGate*> KafkaCluster::gates() const {
  std::vector<TcpGate*> out;
  for (const auto& node : nodes_) out.push_back(&node->gate());
  return out;
}

KafkaCluster& shared_kafka_cluster() {
  static KafkaCluster cluster;
  return cluster;
}

// ---- administration

void KafkaAdmin::create_topic(const std::string& name, int count, const std::vector<std::pair<std::string, std::string>>& settings) const {
  const Client client(address_, RD_KAFKA_PRODUCER);
  char text[256];
  auto* topic = rd_kafka_NewTopic_new(name.c_str(), count, -1, text, sizeof text);
  for (const auto& [key, value] : settings) rd_kafka_NewTopic_set_config(topic, key.c_str(), value.c_str());
  rd_kafka_CreateTopics(client.handle, &topic, 1, nullptr, client.queue);
  rd_kafka_NewTopic_destroy(topic);
  client.wait("creating topic " + name, [](rd_kafka_event_t* event) {
    size_t results = 0;
    const auto* const* list = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &results);
    return first_error(list, results);
  });
}

void KafkaAdmin::delete_topic(const std::string& name) const {
  const Client client(address_, RD_KAFKA_PRODUCER);
  auto* topic = rd_kafka_DeleteTopic_new(name.c_str());
  rd_kafka_DeleteTopics(client.handle, &topic, 1, nullptr, client.queue);
  rd_kafka_DeleteTopic_destroy(topic);
  client.wait("deleting topic " + name, [](rd_kafka_event_t* event) {
    size_t results = 0;
    const auto* const* list = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &results);
    return first_error(list, results);
  });
}

void KafkaAdmin::grow_topic(const std::string& name, int count) const {
  const Client client(address_, RD_KAFKA_PRODUCER);
  char text[256];
  auto* more = rd_kafka_NewPartitions_new(name.c_str(), static_cast<size_t>(count), text, sizeof text);
  rd_kafka_CreatePartitions(client.handle, &more, 1, nullptr, client.queue);
  rd_kafka_NewPartitions_destroy(more);
  client.wait("adding partitions to " + name, [](rd_kafka_event_t* event) {
    size_t results = 0;
    const auto* const* list = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &results);
    return first_error(list, results);
  });
}

void KafkaAdmin::delete_records(const std::string& topic, int partition, int64_t before) const {
  const Client client(address_, RD_KAFKA_PRODUCER);
  auto* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = before;
  auto* request = rd_kafka_DeleteRecords_new(list);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_DeleteRecords(client.handle, &request, 1, nullptr, client.queue);
  rd_kafka_DeleteRecords_destroy(request);
  client.wait("deleting records of " + topic, [](rd_kafka_event_t* event) {
    const auto* results = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    return results->cnt == 1 ? results->elems[0].err : RD_KAFKA_RESP_ERR__FAIL;
  });
}

void KafkaAdmin::produce(const std::string& topic, int partition, const char* key, const char* value,
                         const std::vector<std::pair<std::string, std::string>>& headers) const {
  const Client client(address_, RD_KAFKA_PRODUCER);
  auto* list = rd_kafka_headers_new(headers.size());
  for (const auto& [name, text] : headers) {
    rd_kafka_header_add(list, name.data(), static_cast<ssize_t>(name.size()), text.data(), static_cast<ssize_t>(text.size()));
  }
  const std::string payload = value == nullptr ? "" : value;
  char* const content = value == nullptr ? nullptr : const_cast<char*>(payload.data());
  const size_t key_size = key == nullptr ? 0 : std::string(key).size();
  const auto error = rd_kafka_producev(client.handle, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
                                       RD_KAFKA_V_VALUE(content, payload.size()), RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || rd_kafka_flush(client.handle, kPatience) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw std::runtime_error("producing to " + topic + " failed");
  }
}

int KafkaAdmin::leader(const std::string& topic, int partition) const {
  int out = -1;
  Client(address_, RD_KAFKA_CONSUMER).ask(topic, partition, &out);
  return out;
}

int KafkaAdmin::in_sync(const std::string& topic, int partition) const {
  int out = 0;
  Client(address_, RD_KAFKA_CONSUMER).ask(topic, partition, nullptr, &out);
  return out;
}

int KafkaAdmin::partitions(const std::string& topic) const { return Client(address_, RD_KAFKA_CONSUMER).ask(topic, 0, nullptr); }

}  // namespace holdfast::broker_test
