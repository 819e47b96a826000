#include "adapters/kafka/record.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>

#include <librdkafka/rdkafka.h>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

constexpr const char* kMarker = "hf";
constexpr const char* kKeyHeader = "hf-key";
constexpr const char* kLogHeader = "hf-log";

std::string_view header(const rd_kafka_message_t& message, const char* name, bool& found) {
  found = false;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const void* value = nullptr;
  size_t size = 0;
  if (rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  found = true;
  return value == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(value), size);
}

std::string_view text_of(const void* data, size_t size) {
  return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

void add(rd_kafka_headers_t* headers, const char* name, std::string_view value) {
  rd_kafka_header_add(headers, name, -1, value.data(), static_cast<ssize_t>(value.size()));
}

uint32_t murmur2(std::string_view text) {
  constexpr uint32_t kMix = 0x5bd1e995;
  uint32_t hash = 0x9747b28c ^ static_cast<uint32_t>(text.size());
  size_t at = 0;
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  for (; at + 4 <= text.size(); at += 4) {
    uint32_t word = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
    word *= kMix;
    word ^= word >> 24;
    word *= kMix;
    hash = hash * kMix ^ word;
  }
  if (at < text.size()) {
    for (size_t i = text.size(); i > at; --i) hash ^= byte(i - 1) << (8 * (i - 1 - at));
    hash *= kMix;
  }
  hash ^= hash >> 13;
  hash *= kMix;
  return hash ^ hash >> 15;
}

}  // namespace

std::string format_mark(const LogMark& mark) {
  char text[96];
  std::snprintf(text, sizeof text, "1 %s %016llx %lld %d", mark.founding ? "founding" : "repeat",
                static_cast<unsigned long long>(mark.epoch), static_cast<long long>(mark.offset), mark.partitions);
  return text;
}

std::optional<LogMark> parse_mark(std::string_view text) {
  const auto words = split(text, ' ');
  if (words.size() != 5 || words[0] != "1" || (words[1] != "founding" && words[1] != "repeat")) return std::nullopt;
  LogMark mark;
  mark.founding = words[1] == "founding";
  const auto [end, error] = std::from_chars(words[2].data(), words[2].data() + words[2].size(), mark.epoch, 16);
  const auto offset = parse_uint(words[3]);
  const auto partitions = parse_uint(words[4]);
  if (error != std::errc() || end != words[2].data() + words[2].size() || mark.epoch == 0) return std::nullopt;
  if (!offset || *offset > INT64_MAX || !partitions || *partitions < 1 || *partitions > INT32_MAX) return std::nullopt;
  mark.offset = static_cast<int64_t>(*offset);
  mark.partitions = static_cast<int32_t>(*partitions);
  return mark;
}

KafkaRecord parse_record(const rd_kafka_message_t& message, const ForeignChannels& foreign) {
  KafkaRecord record;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t kind{};
  record.time = WallTime(std::chrono::milliseconds(std::max<int64_t>(0, rd_kafka_message_timestamp(&message, &kind))));
  bool found = false;
  const auto mark_text = header(message, kLogHeader, found);
  if (found) {
    if (const auto mark = parse_mark(mark_text); mark && message.key_len == 0) {
      record.kind = KafkaRecord::Kind::mark;
      record.mark = *mark;
    }
    return record;
  }
  record.channel = text_of(message.key, message.key_len);
  if (record.channel.empty()) return record;
  record.kind = KafkaRecord::Kind::publication;
  record.envelope = Bytes::copy(text_of(message.payload, message.len));
  header(message, kMarker, found);
  const bool ours = found;
  if (ours) record.idempotency_key = header(message, kKeyHeader, found);
  if (!ours && foreign.match(record.channel)) {
    // What is no item stays as it is: its listeners are told.
    if (auto envelope = foreign.envelope(text_of(message.payload, message.len), record.channel)) record.envelope = std::move(*envelope);
  }
  return record;
}

rd_kafka_headers_s* publication_headers(std::string_view idempotency_key) {
  auto* headers = rd_kafka_headers_new(2);
  add(headers, kMarker, "1");
  if (!idempotency_key.empty()) add(headers, kKeyHeader, idempotency_key);
  return headers;
}

rd_kafka_headers_s* mark_headers(const LogMark& mark) {
  auto* headers = rd_kafka_headers_new(1);
  add(headers, kLogHeader, format_mark(mark));
  return headers;
}

uint64_t fingerprint(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t kind{};
  bool found = false;
  const auto mark = header(message, kLogHeader, found);
  uint64_t hash = static_cast<uint64_t>(rd_kafka_message_timestamp(&message, &kind));
  for (const auto part : {text_of(message.key, message.key_len), text_of(message.payload, message.len), mark}) {
    hash = hash * 0x9e3779b97f4a7c15 ^ std::hash<std::string_view>()(part);
  }
  return hash;
}

int32_t partition_of(std::string_view channel, int32_t partitions) {
  return static_cast<int32_t>(murmur2(channel) & 0x7fffffff) % partitions;
}

}  // namespace holdfast
