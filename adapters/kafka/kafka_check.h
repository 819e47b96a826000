#pragma once

#include <map>
#include <string>
#include <string_view>

#include "adapters/kafka/kafka_options.h"
#include "gateway/base/finding.h"

namespace holdfast {

// Asks the brokers about each topic: leaders, replicas, and settings that would lose messages. Blocks, up to some `options.timeout`.
Findings examine(const KafkaOptions& options);

// What the brokers say of one topic.
struct KafkaTopicFacts {
  size_t partitions = 0;
  size_t leaderless = 0;  // partitions
  size_t under_replicated = 0;
  size_t replicas = 0;                                     // of the partition that has the fewest
  std::map<std::string, std::string, std::less<>> config;  // empty: it may not be read
};
Findings judge(const std::string& topic, const KafkaTopicFacts& facts, const KafkaOptions& options);
// What `broker.kafka.properties` turn off.
Findings judge_properties(const KafkaOptions& options);

}  // namespace holdfast
