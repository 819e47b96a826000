#include "adapters/kafka/kafka_options.h"

#include <algorithm>

namespace holdfast {

namespace {

std::string check_topic(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 249 || name == "." || name == "..") return "a topic has 1 to 249 characters";
  return std::all_of(name.begin(), name.end(), allowed) ? "" : "a topic is made of letters, digits, '.', '_' and '-'";
}

std::string check_mapping(std::string_view text) {
  const auto mapping = parse_topic_mapping(text);
  return mapping ? "" : mapping.error().text;
}

std::string check_property(std::string_view text) {
  const auto property = parse_kafka_property(text);
  return property ? "" : property.error().text;
}

}  // namespace

void declare(OptionSet& set, KafkaOptions& options) {
  set.text_list("brokers", options.brokers, "HOST:PORT of brokers to begin with; the others are learnt from them.");
  set.text("topic", options.topic, "Topic of the channels that no entry of `topics` names.").check(check_topic);
  set.text_list("topics", options.topics, "PREFIX=TOPIC: channels that begin so go to a topic of their own; the longest prefix wins.")
      .check(check_mapping);
  set.boolean("create_topics", options.create_topics, "Creates topics that are missing; otherwise the node waits for them.");
  set.integer("partitions", options.partitions, "Partitions of a topic that is created.").range(1, 10'000);
  set.integer("replication", options.replication, "Replicas of a topic that is created; -1: the default of the broker.").range(-1, 100);
  set.integer("history_messages", options.history_messages, "Messages kept per channel for clients that come back.").range(1, 1'000'000);
  set.size("history_bytes", options.history_bytes, "Messages kept in memory per partition; what is older is read from Kafka.")
      .range(1 << 16, int64_t{1} << 40);
  set.integer("scan_messages", options.scan_messages,
              "Records of a partition that are read from Kafka at most to answer for what is no longer in memory.")
      .range(0, 100'000'000);
  set.size("scan_bytes", options.scan_bytes, "The same in bytes.").range(0, int64_t{1} << 40);
  set.size("max_message", options.max_message, "Largest message that is accepted; the topic's max.message.bytes has to allow some more.")
      .range(1024, 512 << 20);
  set.size("max_waiting", options.max_waiting, "Publications that may be under way; more are refused at once.")
      .range(1 << 20, int64_t{1} << 40);
  set.duration("timeout", options.timeout, "For an answer; then a publication is refused.").range(100, 600'000);
  set.duration("partition_linger", options.partition_linger, "How long a partition is consumed on when nothing of it is wanted any more.")
      .range(0, 24 * 3'600'000LL);
  set.choice("security_protocol", options.security_protocol, {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"},
             "How brokers are talked to.");
  set.choice("sasl_mechanism", options.sasl_mechanism, {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, "For the sasl_ protocols.");
  set.text("username", options.username, "For the sasl_ protocols.");
  set.text("password", options.password, "For the sasl_ protocols.").secret();
  set.path("ca_file", options.ca_file, "PEM file of the authorities that vouch for brokers; empty: the system's.");
  set.path("cert_file", options.cert_file, "PEM file of this node's certificate; empty: none.");
  set.path("key_file", options.key_file, "PEM file of its key.");
  set.text_list("properties", options.properties, "NAME=VALUE: further properties of librdkafka, set last.").check(check_property).secret();
}

Result<NameAndValue> parse_topic_mapping(std::string_view text) {
  const size_t cut = text.rfind('=');
  if (cut == std::string_view::npos || cut == 0) return invalid("expected PREFIX=TOPIC");
  const auto topic = text.substr(cut + 1);
  if (auto wrong = check_topic(topic); !wrong.empty()) return invalid(wrong);
  return NameAndValue{std::string(text.substr(0, cut)), std::string(topic)};
}

Result<NameAndValue> parse_kafka_property(std::string_view text) {
  const size_t cut = text.find('=');
  if (cut == std::string_view::npos || cut == 0) return invalid("expected NAME=VALUE");
  return NameAndValue{std::string(text.substr(0, cut)), std::string(text.substr(cut + 1))};
}

}  // namespace holdfast
