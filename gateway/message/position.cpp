#include "gateway/message/position.h"

#include "gateway/base/text.h"

namespace holdfast {
namespace {

constexpr std::string_view kPrefix = "h1.";
constexpr size_t kMaxVarintBytes = 10;
constexpr size_t kMaxEntryBytes = 4 + 8 + kMaxVarintBytes;

// FNV-1a: tokens outlive this process and are read by other nodes, so the hash must be the same everywhere.
uint32_t channel_hash(std::string_view channel) {
  uint32_t hash = 2166136261u;
  for (const char c : channel) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

void put_big_endian(std::string& out, uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

std::optional<uint64_t> take_big_endian(std::string_view& in, size_t bytes) {
  if (in.size() < bytes) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  in.remove_prefix(bytes);
  return value;
}

// Only the shortest form of a number: each position has one token.
std::optional<uint64_t> take_varint(std::string_view& in) {
  uint64_t value = 0;
  for (size_t i = 0; i < kMaxVarintBytes && i < in.size(); ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    if (i == kMaxVarintBytes - 1 && byte > 1) return std::nullopt;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte & 0x80) continue;
    if (byte == 0 && i > 0) return std::nullopt;
    in.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

std::optional<Position> take_entry(std::string_view& in, std::string_view channel) {
  const auto hash = take_big_endian(in, 4);
  const auto epoch = take_big_endian(in, 8);
  if (!hash || !epoch || *hash != channel_hash(channel)) return std::nullopt;
  const auto offset = take_varint(in);
  if (!offset || (*epoch == 0 && *offset != 0)) return std::nullopt;
  return Position{*epoch, *offset};
}

}  // namespace

std::string format_token(const std::vector<ChannelPosition>& positions) {
  std::string bytes;
  bytes.reserve(positions.size() * kMaxEntryBytes);
  for (const auto& [channel, position] : positions) {
    put_big_endian(bytes, channel_hash(channel), 4);
    put_big_endian(bytes, position.epoch, 8);
    put_varint(bytes, position.known() ? position.offset : 0);
  }
  return std::string(kPrefix) + base64url_encode(bytes);
}

std::optional<std::vector<Position>> parse_token(std::string_view token, const std::vector<std::string_view>& channels) {
  if (!token.starts_with(kPrefix)) return std::nullopt;
  token.remove_prefix(kPrefix.size());
  if (token.size() > (channels.size() * kMaxEntryBytes + 2) / 3 * 4) return std::nullopt;
  const auto bytes = base64url_decode(token);
  if (!bytes) return std::nullopt;
  std::string_view rest = *bytes;
  std::vector<Position> out;
  out.reserve(channels.size());
  for (const auto channel : channels) {
    const auto position = take_entry(rest, channel);
    if (!position) return std::nullopt;
    out.push_back(*position);
  }
  if (!rest.empty()) return std::nullopt;
  return out;
}

}  // namespace holdfast
