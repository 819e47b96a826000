#include "adapters/kafka/kafka_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "gateway/base/log.h"

namespace holdfast {

namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

int ms_of(Duration time) { return static_cast<int>(std::max<int64_t>(1, time.count())); }

// librdkafka repeats itself while a broker is gone: the adapter says once that it is.
void to_our_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  const std::initializer_list<log::Field> fields{{"facility", facility}, {"text", text}};
  if (level <= 2) {
    log::warn("librdkafka complains", fields);
  } else {
    log::debug("librdkafka says", fields);
  }
}

// Not to be set: librdkafka would end the process or print to the console.
void ignore_errors(rd_kafka_t*, int, const char*, void*) {}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

Settings settings_of(KafkaRole role, const KafkaOptions& options) {
  // Kafka counts a record with its headers and key.
  const uint64_t largest = std::min<uint64_t>(options.max_message + 65'536, 1'000'000'000);
  const std::string timeout = std::to_string(options.timeout.count());
  Settings out{
      {"bootstrap.servers", joined(options.brokers)},
      {"client.id", "holdfast"},
      {"security.protocol", options.security_protocol},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
      {"socket.timeout.ms", std::to_string(std::clamp<int64_t>(options.timeout.count(), 1000, 60'000))},
      {"socket.nagle.disable", "true"},
      {"topic.metadata.refresh.interval.ms", "30000"},
      {"topic.metadata.refresh.fast.interval.ms", "100"},
      {"message.max.bytes", std::to_string(largest)},
      {"receive.message.max.bytes", std::to_string(std::max<uint64_t>(largest * 2, 100'000'000))},
      {"log.connection.close", "false"},
  };
  if (role == KafkaRole::producer) {
    out.insert(out.end(),
               {{"enable.idempotence", "true"},
                {"acks", "all"},
                {"linger.ms", "0"},
                {"message.timeout.ms", timeout},
                {"queue.buffering.max.messages", "10000000"},
                {"queue.buffering.max.kbytes", std::to_string(std::min<uint64_t>(options.max_waiting / 512 + 65'536, 2'147'483'647))},
                {"retry.backoff.ms", "50"}});
  } else {
    // A new partition joins the next fetch, so a fetch must not wait long.
    out.insert(out.end(), {{"enable.partition.eof", "true"},
                           {"enable.auto.commit", "false"},
                           {"enable.auto.offset.store", "false"},
                           {"allow.auto.create.topics", "false"},
                           {"fetch.wait.max.ms", "50"},
                           {"fetch.error.backoff.ms", "100"},
                           {"fetch.message.max.bytes", std::to_string(std::max<uint64_t>(largest, 1 << 20))},
                           {"fetch.max.bytes", std::to_string(std::max<uint64_t>(largest, 50 << 20))},
                           {"queued.max.messages.kbytes", "16384"},
                           {"check.crcs", "true"}});
  }
  if (options.security_protocol.starts_with("sasl")) {
    out.insert(out.end(),
               {{"sasl.mechanism", options.sasl_mechanism}, {"sasl.username", options.username}, {"sasl.password", options.password}});
  }
  if (!options.ca_file.empty()) out.emplace_back("ssl.ca.location", options.ca_file);
  if (!options.cert_file.empty()) out.emplace_back("ssl.certificate.location", options.cert_file);
  if (!options.key_file.empty()) out.emplace_back("ssl.key.location", options.key_file);
  return out;
}

std::vector<Result<int64_t>> ask(rd_kafka_t* client, const std::vector<PartitionRef>& of, int64_t time, Duration patience) {
  const std::unique_ptr<rd_kafka_topic_partition_list_t, FreeKafka> list(rd_kafka_topic_partition_list_new(static_cast<int>(of.size())));
  for (const auto& one : of) rd_kafka_topic_partition_list_add(list.get(), one.topic.c_str(), one.partition)->offset = time;
  const auto error = rd_kafka_offsets_for_times(client, list.get(), ms_of(patience));
  std::vector<Result<int64_t>> out;
  for (int i = 0; i < list->cnt; ++i) {  // in the order in which they were added
    const auto& one = list->elems[i];
    const auto failed = error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : one.err;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR && (time < 0 ? one.offset >= 0 : one.offset != time)) {
      out.emplace_back(one.offset);  // -1: no record is that new
    } else if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
      out.emplace_back(fail(ErrorKind::unavailable, "no answer about a partition"));
    } else {
      out.emplace_back(fail(ErrorKind::unavailable, kafka_error(failed)));
    }
  }
  return out;
}

}  // namespace

void FreeKafka::operator()(rd_kafka_t* client) const { rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); }

std::string kafka_error(rd_kafka_resp_err_t error) { return rd_kafka_err2str(error); }

Result<KafkaHandle> make_kafka(KafkaRole role, const KafkaOptions& options) {
  char text[512] = "";
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const auto set = [&](const std::string& name, const std::string& value) {
    return rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) == RD_KAFKA_CONF_OK;
  };
  bool good = true;
  for (const auto& [name, value] : settings_of(role, options)) good = good && set(name, value);
  for (const auto& line : options.properties) {
    const auto property = parse_kafka_property(line);
    good = good && property && set(property->name, property->value);
  }
  if (!good) {
    rd_kafka_conf_destroy(conf);
    return invalid(std::string("librdkafka refuses a property: ") + text);
  }
  rd_kafka_conf_set_log_cb(conf, to_our_log);
  rd_kafka_conf_set_error_cb(conf, ignore_errors);
  rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR | (role == KafkaRole::producer ? RD_KAFKA_EVENT_DR : 0));
  KafkaHandle client(rd_kafka_new(role == KafkaRole::producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, text, sizeof text));
  if (!client) {
    rd_kafka_conf_destroy(conf);
    return fail(ErrorKind::internal, std::string("librdkafka does not start: ") + text);
  }
  return client;
}

Result<KafkaTopic> make_kafka_topic(rd_kafka_t* client, const std::string& name, void* owner) {
  char text[256] = "";
  rd_kafka_topic_conf_t* conf = rd_kafka_topic_conf_new();
  if (rd_kafka_type(client) == RD_KAFKA_CONSUMER) {
    rd_kafka_topic_conf_set(conf, "auto.offset.reset", "error", text, sizeof text);
    rd_kafka_topic_conf_set(conf, "auto.commit.enable", "false", text, sizeof text);
  }
  rd_kafka_topic_conf_set_opaque(conf, owner);
  KafkaTopic topic(rd_kafka_topic_new(client, name.c_str(), conf));
  if (!topic) {
    rd_kafka_topic_conf_destroy(conf);
    return fail(ErrorKind::internal, kafka_error(rd_kafka_last_error()));
  }
  return topic;
}

Result<std::vector<int32_t>> ask_leaders(rd_kafka_t* client, rd_kafka_topic_t* topic, Duration patience) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(client, 0, topic, &metadata, ms_of(patience));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(ErrorKind::unavailable, kafka_error(error));
  std::vector<int32_t> leaders;
  std::string trouble;
  if (metadata->topic_cnt == 1) {
    const auto& one = metadata->topics[0];
    if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      leaders.resize(static_cast<size_t>(one.partition_cnt), -1);
      for (int i = 0; i < one.partition_cnt; ++i) {
        const auto id = static_cast<size_t>(one.partitions[i].id);
        if (id < leaders.size()) leaders[id] = one.partitions[i].leader;
      }
    } else if (one.err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      trouble = std::string("topic ") + one.topic + ": " + kafka_error(one.err);
    }
  }
  rd_kafka_metadata_destroy(metadata);
  if (!trouble.empty()) return fail(ErrorKind::unavailable, trouble);
  return leaders;
}

Result<void> create_topic(rd_kafka_t* client, const std::string& name, const KafkaOptions& options) {
  char text[256] = "";
  auto* topic =
      rd_kafka_NewTopic_new(name.c_str(), static_cast<int>(options.partitions), static_cast<int>(options.replication), text, sizeof text);
  if (topic == nullptr) return fail(ErrorKind::unavailable, text);
  // Times of one clock, so that two minutes are two minutes whoever publishes.
  rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "LogAppendTime");
  rd_kafka_NewTopic_set_config(topic, "max.message.bytes", std::to_string(options.max_message + 65'536).c_str());
  const KafkaQueue queue(rd_kafka_queue_new(client));
  auto* request = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_AdminOptions_set_request_timeout(request, ms_of(options.timeout), text, sizeof text);
  rd_kafka_CreateTopics(client, &topic, 1, request, queue.get());
  rd_kafka_AdminOptions_destroy(request);
  rd_kafka_NewTopic_destroy(topic);
  const KafkaEvent event(rd_kafka_queue_poll(queue.get(), ms_of(options.timeout)));
  const auto failed = [&](std::string why) {
    return fail(ErrorKind::unavailable, "topic " + name + " cannot be created: " + std::move(why));
  };
  if (!event) return failed("no answer");
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(rd_kafka_event_error_string(event.get()));
  const auto* answer = rd_kafka_event_CreateTopics_result(event.get());
  size_t count = 0;
  const auto* const* topics = answer == nullptr ? nullptr : rd_kafka_CreateTopics_result_topics(answer, &count);
  if (count != 1) return failed("no answer");
  const auto error = rd_kafka_topic_result_error(topics[0]);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return {};
  const char* why = rd_kafka_topic_result_error_string(topics[0]);
  return failed(why != nullptr ? why : kafka_error(error));
}

std::vector<Result<int64_t>> ask_offsets(rd_kafka_t* client, const std::vector<PartitionRef>& of, Ask what, Duration patience) {
  return ask(client, of, what == Ask::end ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING, patience);
}

std::vector<Result<int64_t>> ask_offsets(rd_kafka_t* client, const std::vector<PartitionRef>& of, WallTime since, Duration patience) {
  return ask(client, of, std::chrono::duration_cast<std::chrono::milliseconds>(since.time_since_epoch()).count(), patience);
}

Result<std::vector<KafkaRecord>> scan(rd_kafka_t* client, const Scan& what, Duration patience, const std::atomic<bool>& ending) {
  auto topic = make_kafka_topic(client, what.topic);
  if (!topic) return fail(topic.error());
  const KafkaQueue queue(rd_kafka_queue_new(client));
  if (rd_kafka_consume_start_queue(topic->get(), what.partition, what.from, queue.get()) != 0) {
    return fail(ErrorKind::unavailable, kafka_error(rd_kafka_last_error()));
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  Result<std::vector<KafkaRecord>> out;
  uint64_t bytes = 0;
  for (int64_t at = what.from; at < what.to;) {
    rd_kafka_message_t* message = rd_kafka_consume_queue(queue.get(), 50);
    if (message == nullptr) {
      if (!ending && std::chrono::steady_clock::now() < until) continue;
      out = fail(ErrorKind::unavailable, "reading older messages took too long");
      break;
    }
    const auto error = message->err;
    bytes += message->len;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      at = message->offset + 1;
      if (message->offset < what.to && std::string_view(static_cast<const char*>(message->key), message->key_len) == what.channel) {
        out->push_back(parse_record(*message, what.foreign));
      }
    } else if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      at = std::max(at, message->offset);
    }
    rd_kafka_message_destroy(message);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      const bool gone = error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || error == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
      out = fail(gone ? ErrorKind::not_found : ErrorKind::unavailable, kafka_error(error));
      break;
    }
    if (bytes > what.bytes) {
      out = fail(ErrorKind::too_large, "more than broker.kafka.scan_bytes");
      break;
    }
  }
  rd_kafka_consume_stop(topic->get(), what.partition);
  return out;
}

}  // namespace holdfast
