#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/options.h"
#include "gateway/message/foreign.h"

namespace holdfast {

struct KafkaOptions {
  ForeignChannels foreign;  // of section "broker"
  std::vector<std::string> brokers = {"127.0.0.1:9092"};
  std::string topic = "holdfast";
  std::vector<std::string> topics;  // "PREFIX=TOPIC": channels that begin so; the longest prefix wins
  bool create_topics = true;
  int64_t partitions = 16;            // of a topic that is created
  int64_t replication = -1;           // of a topic that is created; -1: the broker's default
  int64_t history_messages = 1000;    // per channel
  uint64_t history_bytes = 8u << 20;  // per partition, in memory
  int64_t scan_messages = 100'000;    // read from Kafka for one answer, when memory does not reach back far enough
  uint64_t scan_bytes = 64u << 20;
  uint64_t max_message = 900'000;  // one envelope; Kafka's own bound is 1 MiB with everything
  uint64_t max_waiting = 64u << 20;
  Duration timeout{10'000};
  Duration partition_linger{60'000};  // how long a partition that nobody needs is consumed on
  std::string security_protocol = "plaintext";
  std::string sasl_mechanism = "PLAIN";
  std::string username, password;
  std::string ca_file, cert_file, key_file;
  std::vector<std::string> properties;  // "name=value", of librdkafka
};
void declare(OptionSet& set, KafkaOptions& options);  // keys of section "broker.kafka"

// A mapping is cut at its last '=', since a channel prefix may hold one and a topic cannot; a property at its first. Errors: invalid.
struct NameAndValue {
  std::string name;
  std::string value;
};
Result<NameAndValue> parse_topic_mapping(std::string_view text);
Result<NameAndValue> parse_kafka_property(std::string_view text);

}  // namespace holdfast
