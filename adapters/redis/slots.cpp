#include "adapters/redis/slots.h"

#include "adapters/redis/redis_link.h"
#include "adapters/redis/replies.h"

namespace holdfast {

namespace {

// CRC-16/XMODEM.
uint16_t crc16(std::string_view text) {
  uint16_t crc = 0;
  for (const char c : text) {
    crc = static_cast<uint16_t>(crc ^ static_cast<uint16_t>(static_cast<unsigned char>(c) << 8));
    for (int bit = 0; bit < 8; ++bit) crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
  }
  return crc;
}

}  // namespace

unsigned slot_of(std::string_view tag) { return crc16(tag) % kSlots; }

std::vector<std::string> partition_tags(size_t partitions) {
  std::vector<std::string> tags;
  for (size_t i = 0; i < partitions; ++i) {
    const size_t first = i * kSlots / partitions, end = (i + 1) * kSlots / partitions;
    for (size_t suffix = 0;; ++suffix) {
      std::string tag = std::to_string(i) + "." + std::to_string(suffix);
      if (const auto slot = slot_of(tag); slot < first || slot >= end) continue;
      tags.push_back(std::move(tag));
      break;
    }
  }
  return tags;
}

size_t partition_of(std::string_view channel, size_t partitions) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : channel) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return static_cast<size_t>((hash >> 32 ^ hash) % partitions);
}

Result<std::vector<SlotRange>> parse_slots(const redisReply& reply, const RedisAddress& asked) {
  if (is_error(&reply)) return unavailable(std::string(text_of(reply)));
  const auto garbled = [] { return unavailable("Redis answers what was not asked"); };
  if (reply.type != REDIS_REPLY_ARRAY) return garbled();
  std::vector<SlotRange> ranges;
  for (size_t i = 0; i < reply.elements; ++i) {
    const redisReply& range = *reply.element[i];
    if (range.type != REDIS_REPLY_ARRAY || range.elements < 3) return garbled();
    const redisReply& first = *range.element[0];
    const redisReply& last = *range.element[1];
    const redisReply& primary = *range.element[2];  // replicas follow
    if (first.type != REDIS_REPLY_INTEGER || last.type != REDIS_REPLY_INTEGER) return garbled();
    if (primary.type != REDIS_REPLY_ARRAY || primary.elements < 2 || primary.element[1]->type != REDIS_REPLY_INTEGER) return garbled();
    const std::string host(text_of(*primary.element[0]));
    ranges.push_back({static_cast<unsigned>(first.integer),
                      static_cast<unsigned>(last.integer),
                      {host.empty() ? asked.host : host, std::to_string(primary.element[1]->integer)}});
  }
  return ranges;
}

Result<RedisAddress> parse_redirection(std::string_view error, const RedisAddress& asked) {
  take_word(error);
  take_word(error);
  const size_t colon = error.rfind(':');
  if (colon == std::string_view::npos || !parse_uint(error.substr(colon + 1))) return invalid("not a redirection");
  const std::string host(error.substr(0, colon));
  return RedisAddress{host.empty() ? asked.host : host, std::string(error.substr(colon + 1))};
}

}  // namespace holdfast
