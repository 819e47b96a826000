#include "adapters/kafka/kafka_check.h"

#include <algorithm>
#include <set>

#include "adapters/kafka/kafka_client.h"
#include "gateway/base/text.h"

namespace holdfast {

namespace {

// What a client that comes back may have missed, and how long a publisher's key is remembered.
constexpr uint64_t kShortRetention = 600'000;  // ms
constexpr uint64_t kRecordOverhead = 4096;     // headers and key beside the envelope

class Judge {
 public:
  Judge(const std::string& topic, const KafkaTopicFacts& facts, const KafkaOptions& options, Findings& out)
      : name_("kafka topic " + topic), facts_(facts), options_(options), out_(out) {}

  void all() {
    partitions();
    replicas();
    if (facts_.config.empty()) {
      risk("settings", "they may not be read", "look yourself at min.insync.replicas, unclean.leader.election.enable and retention.ms");
      return;
    }
    in_sync();
    election();
    retention();
    size();
  }

 private:
  std::string config(std::string_view key) const {
    const auto found = facts_.config.find(key);
    return found == facts_.config.end() ? std::string() : found->second;
  }
  void fine(std::string_view what, std::string text) { out_.push_back(good(name_ + " " + std::string(what), std::move(text))); }
  void risk(std::string_view what, std::string text, std::string advice) {
    out_.push_back(risky(name_ + " " + std::string(what), std::move(text), std::move(advice)));
  }
  void wrong(std::string_view what, std::string text, std::string advice) {
    out_.push_back(broken(name_ + " " + std::string(what), std::move(text), std::move(advice)));
  }
  static std::string set_to(std::string_view value) { return "kafka-configs.sh --alter --add-config " + std::string(value); }

  void partitions() {
    const std::string count = std::to_string(facts_.partitions);
    if (facts_.leaderless > 0) {
      return wrong("partitions", std::to_string(facts_.leaderless) + " of " + count + " have no leader: their channels stand still",
                   "start the brokers that hold them");
    }
    if (facts_.under_replicated > 0) {
      return risk("partitions", std::to_string(facts_.under_replicated) + " of " + count + " lack replicas in sync",
                  "see why a broker lags or is gone");
    }
    fine("partitions", count + ", each with a leader");
  }

  void replicas() {
    if (facts_.replicas > 1) return fine("replication", std::to_string(facts_.replicas) + " replicas");
    risk("replication", "1 replica: a broker that is lost takes its messages along", "give the topic 3 replicas, on 3 brokers");
  }

  void in_sync() {
    const auto least = parse_uint(config("min.insync.replicas")).value_or(1);
    if (facts_.replicas < 2 || (least > 1 && least < facts_.replicas)) return fine("min.insync.replicas", std::to_string(least));
    if (least >= facts_.replicas && least > 1) {
      return risk("min.insync.replicas",
                  std::to_string(least) + " of " + std::to_string(facts_.replicas) + ": one broker less, and nothing is accepted",
                  set_to("min.insync.replicas=" + std::to_string(facts_.replicas - 1)));
    }
    wrong("min.insync.replicas",
          "1 of " + std::to_string(facts_.replicas) + " replicas: what only one broker has is acknowledged, and lost with it",
          set_to("min.insync.replicas=2"));
  }

  void election() {
    const std::string value = config("unclean.leader.election.enable");
    if (value != "true") return fine("unclean.leader.election.enable", "false");
    wrong("unclean.leader.election.enable", "true: a replica that lags may lead, and what it lacks is lost",
          set_to("unclean.leader.election.enable=false"));
  }

  void retention() {
    const std::string policy = config("cleanup.policy");
    if (policy.find("compact") != std::string::npos) {
      return wrong("cleanup.policy", policy + ": of each channel only the newest message stays", set_to("cleanup.policy=delete"));
    }
    const std::string text = config("retention.ms");
    const auto kept = parse_uint(text);  // -1: for ever
    if (!kept || *kept >= kShortRetention) return fine("retention.ms", text);
    risk("retention.ms", text + ": clients that were away for longer are told of a gap", set_to("retention.ms=86400000"));
  }

  void size() {
    const auto most = parse_uint(config("max.message.bytes"));
    if (!most) return;
    if (*most >= options_.max_message + kRecordOverhead) return fine("max.message.bytes", std::to_string(*most));
    wrong("max.message.bytes",
          std::to_string(*most) + ": less than broker.kafka.max_message (" + std::to_string(options_.max_message) + ") with its head",
          set_to("max.message.bytes=" + std::to_string(options_.max_message + 65'536)) + ", or lower broker.kafka.max_message");
  }

  const std::string name_;
  const KafkaTopicFacts& facts_;
  const KafkaOptions& options_;
  Findings& out_;
};

struct FreeMetadata {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, FreeMetadata>;

int patience_of(const KafkaOptions& options) { return static_cast<int>(std::max<int64_t>(1, options.timeout.count())); }

Result<Metadata> ask_metadata(rd_kafka_t* client, const KafkaOptions& options) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(client, 1, nullptr, &metadata, patience_of(options));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(ErrorKind::unavailable, kafka_error(error));
  return Metadata(metadata);
}

const rd_kafka_metadata_topic_t* find_topic(const rd_kafka_metadata_t& metadata, std::string_view name) {
  for (int i = 0; i < metadata.topic_cnt; ++i) {
    if (metadata.topics[i].topic == name) return &metadata.topics[i];
  }
  return nullptr;
}

KafkaTopicFacts facts_of(const rd_kafka_metadata_topic_t& topic) {
  KafkaTopicFacts facts;
  facts.partitions = static_cast<size_t>(topic.partition_cnt);
  for (int i = 0; i < topic.partition_cnt; ++i) {
    const auto& one = topic.partitions[i];
    const auto replicas = static_cast<size_t>(one.replica_cnt);
    facts.replicas = i == 0 ? replicas : std::min(facts.replicas, replicas);
    if (one.leader < 0) ++facts.leaderless;
    if (one.isr_cnt < one.replica_cnt) ++facts.under_replicated;
  }
  return facts;
}

// Empty when the brokers don't say.
std::map<std::string, std::string, std::less<>> ask_config(rd_kafka_t* client, const std::string& topic, const KafkaOptions& options) {
  std::map<std::string, std::string, std::less<>> out;
  char text[256] = "";
  const KafkaQueue queue(rd_kafka_queue_new(client));
  auto* resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
  auto* request = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  rd_kafka_AdminOptions_set_request_timeout(request, patience_of(options), text, sizeof text);
  rd_kafka_DescribeConfigs(client, &resource, 1, request, queue.get());
  rd_kafka_AdminOptions_destroy(request);
  rd_kafka_ConfigResource_destroy(resource);
  const KafkaEvent event(rd_kafka_queue_poll(queue.get(), patience_of(options)));
  if (!event || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  const auto* answer = rd_kafka_event_DescribeConfigs_result(event.get());
  size_t count = 0;
  const auto* const* resources = answer == nullptr ? nullptr : rd_kafka_DescribeConfigs_result_resources(answer, &count);
  if (count != 1 || rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  const auto* const* entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  for (size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value != nullptr) out[rd_kafka_ConfigEntry_name(entries[i])] = value;
  }
  return out;
}

std::set<std::string> topics_of(const KafkaOptions& options) {
  std::set<std::string> out{options.topic};
  for (const auto& text : options.topics) {
    if (const auto mapping = parse_topic_mapping(text)) out.insert(mapping->value);
  }
  return out;
}

void append(Findings& out, Findings more) { out.insert(out.end(), more.begin(), more.end()); }

}  // namespace

Findings judge(const std::string& topic, const KafkaTopicFacts& facts, const KafkaOptions& options) {
  Findings out;
  Judge(topic, facts, options, out).all();
  return out;
}

Findings judge_properties(const KafkaOptions& options) {
  Findings out;
  for (const auto& line : options.properties) {
    const auto property = parse_kafka_property(line);
    if (!property) continue;
    const bool acks = property->name == "acks" || property->name == "request.required.acks";
    if (acks && property->value != "all" && property->value != "-1") {
      out.push_back(broken("kafka " + property->name, property->value + ": acknowledged before the replicas have it",
                           "take it out of broker.kafka.properties"));
    } else if (property->name == "enable.idempotence" && property->value != "true") {
      out.push_back(broken("kafka enable.idempotence", property->value + ": a retry may publish twice or out of order",
                           "take it out of broker.kafka.properties"));
    }
  }
  return out;
}

Findings examine(const KafkaOptions& options) {
  Findings out = judge_properties(options);
  const auto client = make_kafka(KafkaRole::producer, options);
  if (!client) {
    out.push_back(broken("kafka", client.error().text, "mend broker.kafka"));
    return out;
  }
  const auto metadata = ask_metadata(client->get(), options);
  if (!metadata) {
    out.push_back(
        broken("kafka", metadata.error().text, "start it, or mend broker.kafka; nothing is published or received until it answers"));
    return out;
  }
  out.push_back(good("kafka", std::to_string((*metadata)->broker_cnt) + " brokers"));
  for (const auto& name : topics_of(options)) {
    const auto* topic = find_topic(**metadata, name);
    if (topic == nullptr && options.create_topics) {
      out.push_back(good("kafka topic " + name, "is not there yet: the first node creates it"));
    } else if (topic == nullptr) {
      out.push_back(broken("kafka topic " + name, "is not there, and broker.kafka.create_topics is off: nodes wait for it", "create it"));
    } else {
      KafkaTopicFacts facts = facts_of(*topic);
      facts.config = ask_config(client->get(), name, options);
      append(out, judge(name, facts, options));
    }
  }
  return out;
}

}  // namespace holdfast
