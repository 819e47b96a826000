#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/bytes.h"
#include "gateway/base/clock.h"
#include "gateway/message/foreign.h"

struct rd_kafka_headers_s;
struct rd_kafka_message_s;

namespace holdfast {

// How things are written in a partition:
//   a publication: key = channel, value = envelope, header "hf" = "1", header "hf-key" = its idempotency key if it has one;
//   a log mark:    no key, header "hf-log" = what log_epoch.h tells of.
// Any other record with a key is a foreign producer's: it is taken as a publication, its value as the envelope or, on channels
// of broker.foreign, as what becomes one.

struct LogMark {
  bool founding = false;  // begins an epoch; otherwise repeats what was founded
  uint64_t epoch = 0;
  int64_t offset = 0;      // founding: everything before was read and had no epoch to keep; repeat: where it was founded
  int32_t partitions = 0;  // of the topic, that channels are spread over
};
std::string format_mark(const LogMark& mark);
std::optional<LogMark> parse_mark(std::string_view text);

struct KafkaRecord {
  enum class Kind { publication, mark, garbage };
  Kind kind = Kind::garbage;
  int64_t offset = 0;
  WallTime time;
  std::string channel;
  std::string idempotency_key;
  Bytes envelope;
  LogMark mark;
};
// The one place where a record becomes a publication.
KafkaRecord parse_record(const rd_kafka_message_s& message, const ForeignChannels& foreign);

// Owned by the caller, until producing has taken them.
rd_kafka_headers_s* publication_headers(std::string_view idempotency_key);
rd_kafka_headers_s* mark_headers(const LogMark& mark);

// Tells a record from another at the same offset.
uint64_t fingerprint(const rd_kafka_message_s& message);

// The partition of a channel, as Kafka's own default partitioner (murmur2) computes it.
int32_t partition_of(std::string_view channel, int32_t partitions);

}  // namespace holdfast
