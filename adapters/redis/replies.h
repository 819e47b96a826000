#pragma once

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <hiredis/hiredis.h>

#include "adapters/support/errors.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/base/text.h"
#include "gateway/message/position.h"

namespace holdfast {

// Reading what the server and the scripts (scripts.h) answer.

// The pattern of the pub/sub channels that begin so.
inline std::string foreign_pattern(std::string_view prefix) {
  std::string out;
  for (const char c : prefix) {
    if (std::string_view("\\*?[]").find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out + '*';
}

inline std::optional<uint64_t> parse_hex(std::string_view text) {
  uint64_t value = 0;
  if (text.size() != 16) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Takes a word and the blank behind it.
inline std::string_view take_word(std::string_view& text) {
  const size_t end = text.find(' ');
  const auto word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

// "<epoch> <offset>", taken from the front.
inline std::optional<Position> take_position(std::string_view& text) {
  const auto epoch = parse_hex(take_word(text));
  const auto offset = parse_uint(take_word(text));
  if (!epoch || *epoch == 0 || !offset) return std::nullopt;
  return Position{*epoch, *offset};
}

inline WallTime wall_of(uint64_t unix_ms) { return WallTime(std::chrono::milliseconds(static_cast<int64_t>(unix_ms))); }

inline bool is_error(const redisReply* reply) { return reply->type == REDIS_REPLY_ERROR; }

// The server is not (or no longer) one to talk to.
inline bool needs_other_server(std::string_view error) {
  return error.starts_with("READONLY") || error.starts_with("NOAUTH") || error.starts_with("MASTERDOWN") || error.starts_with("LOADING");
}

}  // namespace holdfast
