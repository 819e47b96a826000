#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/kafka/kafka_options.h"
#include "adapters/memory/memory_broker.h"
#include "adapters/redis/redis_options.h"
#include "adapters/zeromq/zeromq_options.h"
#include "gateway/base/clock.h"
#include "gateway/base/finding.h"
#include "gateway/base/metrics.h"
#include "gateway/base/options.h"
#include "gateway/base/result.h"
#include "gateway/broker/broker.h"
#include "gateway/broker/durability.h"

namespace holdfast {

// Which broker a node uses, and the options of each.
struct BrokerOptions {
  std::string type = "memory";
  std::vector<std::string> foreign;  // "PREFIX=raw", "PREFIX=item-json"
  std::string foreign_stream = "{}";
  std::vector<std::string> foreign_templates;  // "PREFIX FORMAT=TEMPLATE"
  MemoryOptions memory;
  RedisOptions redis;
  KafkaOptions kafka;
  ZeromqOptions zeromq;
};
void declare(OptionSet& set, BrokerOptions& options);  // section "broker"

// What options say together. Connects to nothing and binds nothing. Errors: invalid.
Result<void> check(const BrokerOptions& options);

// Errors: invalid (no such type; options that contradict each other). Does not connect: start() does.
Result<std::unique_ptr<Broker>> make_broker(const BrokerOptions& options, const Clock& clock, Metrics& metrics);

// Looks at the broker as it is set up and running: what would keep a node from working, or lose messages. Blocks for its answers.
Findings examine_broker(const BrokerOptions& options);
Durability durability_of(const BrokerOptions& options);

}  // namespace holdfast
