#include "adapters/registry.h"

#include "adapters/kafka/kafka_broker.h"
#include "adapters/redis/redis_broker.h"
#include "adapters/zeromq/zeromq_broker.h"

namespace holdfast {

void declare(OptionSet& set, BrokerOptions& options) {
  const OptionSet::Section broker(set, "broker");
  set.choice("type", options.type, {"memory", "redis", "kafka", "zeromq"},
             "What carries publications to the nodes; memory serves one node.");
  {
    const OptionSet::Section memory(set, "memory");
    declare(set, options.memory);
  }
  {
    const OptionSet::Section redis(set, "redis");
    declare(set, options.redis);
  }
  {
    const OptionSet::Section kafka(set, "kafka");
    declare(set, options.kafka);
  }
  {
    const OptionSet::Section zeromq(set, "zeromq");
    declare(set, options.zeromq);
  }
}

Result<std::unique_ptr<Broker>> make_broker(const BrokerOptions& options, const Clock& clock, Metrics& metrics) {
  if (options.type == "memory") return std::make_unique<MemoryBroker>(options.memory, clock, metrics);
  if (options.type == "kafka") return std::make_unique<KafkaBroker>(options.kafka, clock, metrics);
  if (options.type == "redis") {
    if (auto checked = check(options.redis); !checked) return fail(checked.error());
    return std::make_unique<RedisBroker>(options.redis, clock, metrics);
  }
  if (options.type == "zeromq") {
    auto broker = std::make_unique<ZeromqBroker>(options.zeromq, clock, metrics);
    if (auto bound = broker->bind(); !bound) return fail(bound.error());
    return broker;
  }
  return invalid("broker.type: there is no broker named '" + options.type + "'");
}

}  // namespace holdfast
