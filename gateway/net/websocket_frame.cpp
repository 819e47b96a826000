#include <cstring>
#include <random>

#include "gateway/base/text.h"
#include "gateway/net/websocket.h"

namespace holdfast {

namespace {

constexpr size_t kMaxReason = 123;

uint32_t new_mask() {
  thread_local std::mt19937 random{std::random_device{}()};
  return static_cast<uint32_t>(random());
}

// Eight bytes at a time.
void apply_mask(uint32_t mask, char* data, size_t size) {
  const uint64_t wide = static_cast<uint64_t>(mask) << 32 | mask;
  size_t at = 0;
  for (; at + sizeof wide <= size; at += sizeof wide) {
    uint64_t word = 0;
    std::memcpy(&word, data + at, sizeof word);
    word ^= wide;
    std::memcpy(data + at, &word, sizeof word);
  }
  char bytes[sizeof wide];
  std::memcpy(bytes, &wide, sizeof wide);
  for (size_t i = 0; at < size; ++at, ++i) data[at] = static_cast<char>(data[at] ^ bytes[i]);
}

}  // namespace

WsOpcode opcode_of(WsMessageType type) {
  switch (type) {
    case WsMessageType::text:
      return WsOpcode::text;
    case WsMessageType::binary:
      return WsOpcode::binary;
    case WsMessageType::ping:
      return WsOpcode::ping;
    case WsMessageType::pong:
      return WsOpcode::pong;
  }
  return WsOpcode::text;
}

std::string ws_frame(const WsFrame& frame, std::string_view content, WsSide side) {
  const bool masks = side == WsSide::client;
  const size_t size = content.size();
  const size_t size_bytes = size > 65535 ? 8 : size > 125 ? 2 : 0;
  std::string out;
  out.reserve(2 + size_bytes + (masks ? 4 : 0) + size);
  out += static_cast<char>((frame.final ? 0x80 : 0) | (frame.compressed ? 0x40 : 0) | static_cast<int>(frame.opcode));
  out += static_cast<char>((masks ? 0x80 : 0) | (size_bytes == 8 ? 127 : size_bytes == 2 ? 126 : static_cast<int>(size)));
  for (size_t i = size_bytes; i-- > 0;) out += static_cast<char>(static_cast<uint64_t>(size) >> (8 * i) & 0xff);
  if (!masks) return out.append(content);
  const uint32_t mask = new_mask();
  out.append(reinterpret_cast<const char*>(&mask), sizeof mask);
  const size_t begin = out.size();
  out.append(content);
  apply_mask(mask, out.data() + begin, size);
  return out;
}

std::string ws_close_frame(int code, std::string_view reason, WsSide side) {
  std::string content;
  if (code != 0) {
    if (reason.size() > kMaxReason) {
      size_t end = kMaxReason;
      while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0) == 0x80) --end;
      reason = reason.substr(0, end);
    }
    content += static_cast<char>(code >> 8 & 0xff);
    content += static_cast<char>(code & 0xff);
    content += reason;
  }
  return ws_frame({WsOpcode::close, true, false}, content, side);
}

bool is_ws_close_code(int code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace holdfast
