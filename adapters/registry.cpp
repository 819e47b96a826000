#include "adapters/registry.h"

#include "adapters/kafka/kafka_broker.h"
#include "adapters/kafka/kafka_check.h"
#include "adapters/redis/redis_broker.h"
#include "adapters/redis/redis_check.h"
#include "adapters/zeromq/zeromq_broker.h"
#include "adapters/zeromq/zeromq_check.h"
#include "gateway/message/foreign.h"

namespace holdfast {

namespace {

template <class Options>
Options with_foreign(Options options, const ForeignChannels& foreign) {
  options.foreign = foreign;
  return options;
}

}  // namespace

void declare(OptionSet& set, BrokerOptions& options) {
  const OptionSet::Section broker(set, "broker");
  set.choice("type", options.type, {"memory", "redis", "kafka", "zeromq"},
             "What carries publications to the nodes; memory serves one node.");
  set.text_list("foreign", options.foreign,
                "PREFIX=raw or PREFIX=item-json: channels that producers feed who do not know Holdfast, with Redis (PUBLISH) or Kafka.")
      .check([](std::string_view entry) {
        const auto made = ForeignChannels::make({std::string(entry)}, {});
        return made ? std::string() : made.error().text;
      });
  set.text("foreign_stream", options.foreign_stream, "What of their raw bytes goes into streams; {} stands for them.");
  set.text_list(
      "foreign_templates", options.foreign_templates,
      "PREFIX FORMAT=TEMPLATE: what raw bytes become on the channels of one entry of `foreign`. FORMAT is http-stream, http-response "
      "or ws-message; {} stands for the bytes.");
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

static Result<ForeignChannels> foreign_channels(const BrokerOptions& options) {
  auto foreign = ForeignChannels::make(options.foreign, options.foreign_stream);
  if (!foreign) return invalid("broker.foreign: " + foreign.error().text);
  if (const auto used = foreign->use(options.foreign_templates); !used) return invalid("broker.foreign_templates: " + used.error().text);
  return foreign;
}

Result<void> check(const BrokerOptions& options) {
  const auto foreign = foreign_channels(options);
  if (!foreign) return fail(foreign.error());
  if (foreign->any() && options.type != "redis" && options.type != "kafka") {
    return invalid("broker.foreign: only with redis or kafka; with ZeroMQ see control.zmq.sub");
  }
  if (options.type == "zeromq") return check(options.zeromq);
  if (options.type != "redis") return {};
  if (foreign->any() && !options.redis.cluster.empty()) return invalid("broker.foreign: not with a Redis Cluster");
  return check(options.redis);
}

Result<std::unique_ptr<Broker>> make_broker(const BrokerOptions& options, const Clock& clock, Metrics& metrics) {
  if (auto checked = check(options); !checked) return fail(checked.error());
  const auto foreign = foreign_channels(options);
  if (options.type == "memory") return std::make_unique<MemoryBroker>(options.memory, clock, metrics);
  if (options.type == "kafka") return std::make_unique<KafkaBroker>(with_foreign(options.kafka, *foreign), clock, metrics);
  if (options.type == "redis") return std::make_unique<RedisBroker>(with_foreign(options.redis, *foreign), clock, metrics);
  if (options.type == "zeromq") {
    auto broker = std::make_unique<ZeromqBroker>(options.zeromq, clock, metrics);
    if (auto bound = broker->bind(); !bound) return fail(bound.error());
    return broker;
  }
  return invalid("broker.type: there is no broker named '" + options.type + "'");
}

Findings examine_broker(const BrokerOptions& options) {
  if (options.type == "redis") return examine(options.redis);
  if (options.type == "kafka") return examine(options.kafka);
  if (options.type == "zeromq") return examine(options.zeromq);
  return {good("memory broker", "serves this node only; what it keeps is gone with the node")};
}

Durability durability_of(const BrokerOptions& options) {
  if (options.type == "kafka") return Durability::replicated;
  if (options.type == "redis") return options.redis.ack == "replicated" ? Durability::replicated : Durability::primary;
  return options.type == "zeromq" ? Durability::node : Durability::process;
}

}  // namespace holdfast
