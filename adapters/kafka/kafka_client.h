#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "adapters/kafka/kafka_options.h"
#include "adapters/kafka/record.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace holdfast {

struct FreeKafka {
  void operator()(rd_kafka_t* client) const;
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using KafkaHandle = std::unique_ptr<rd_kafka_t, FreeKafka>;
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, FreeKafka>;
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, FreeKafka>;
using KafkaEvent = std::unique_ptr<rd_kafka_event_t, FreeKafka>;

// One client of librdkafka, configured; its log goes to ours. Errors: invalid (a property is refused), internal.
enum class KafkaRole { producer, consumer };
Result<KafkaHandle> make_kafka(KafkaRole role, const KafkaOptions& options);
// `owner` is what rd_kafka_topic_opaque() gives. Of a consumer: an offset that does not exist is an error, never another place.
Result<KafkaTopic> make_kafka_topic(rd_kafka_t* client, const std::string& name, void* owner = nullptr);

// ---- calls that block, for a Worker. Errors: unavailable, for people to read.

// The broker that leads each partition of the topic, -1: none. Empty: there is no such topic.
Result<std::vector<int32_t>> ask_leaders(rd_kafka_t* client, rd_kafka_topic_t* topic, Duration patience);
Result<void> create_topic(rd_kafka_t* client, const std::string& name, const KafkaOptions& options);

struct PartitionRef {
  std::string topic;
  int32_t partition = 0;
};
// Per partition, in order: its end (the offset that the next record gets), its beginning, or the first record not older than a time
// (its end if there is none). One round trip to each leader.
enum class Ask { end, beginning };
std::vector<Result<int64_t>> ask_offsets(rd_kafka_t* client, const std::vector<PartitionRef>& of, Ask what, Duration patience);
std::vector<Result<int64_t>> ask_offsets(rd_kafka_t* client, const std::vector<PartitionRef>& of, WallTime since, Duration patience);

// Reads [from, to) of a partition and takes what is of the channel. `ending` cuts it short. Errors: unavailable, not_found (no longer
// kept), too_large.
struct Scan {
  std::string topic;
  int32_t partition = 0;
  std::string channel;
  int64_t from = 0;
  int64_t to = 0;
  uint64_t bytes = 0;  // at most; more is an error
  ForeignChannels foreign;
};
Result<std::vector<KafkaRecord>> scan(rd_kafka_t* client, const Scan& what, Duration patience, const std::atomic<bool>& ending);

std::string kafka_error(rd_kafka_resp_err_t error);

}  // namespace holdfast
