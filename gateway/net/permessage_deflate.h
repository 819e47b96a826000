#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/options.h"

namespace holdfast {

// permessage-deflate (RFC 7692). Without context takeover every message stands for itself: one compressed rendering serves all listeners,
// and zlib's state (some 300 kB) is one per thread and not one per connection.

struct DeflateOptions {
  bool enabled = true;
  bool context_takeover = false;  // agree to it when a client wants it: costs memory per connection
  int64_t level = 1;              // 1 to 9
  int64_t min_size = 256;         // smaller messages are sent as they are
};
void declare(OptionSet& set, DeflateOptions& options);  // section "websocket.compression"

// What both sides agreed on.
struct DeflateTerms {
  bool on = false;
  bool our_takeover = false, peer_takeover = false;  // contexts that live on between messages
  uint8_t our_bits = 15, peer_bits = 15;             // window bits
  bool operator==(const DeflateTerms&) const = default;
};

// Judges a client's Sec-WebSocket-Extensions (all values, joined by commas). The first acceptable offer wins; offers with unknown, repeated
// or bad parameters are passed over. `answer` is the response header's value.
struct DeflateAnswer {
  DeflateTerms terms;
  std::string answer;
};
std::optional<DeflateAnswer> agree_deflate(std::string_view offers, const DeflateOptions& options);

// A message's content compressed. Threads: one object belongs to one loop.
class Deflater {
 public:
  Deflater(int level, uint8_t bits, bool takeover);
  ~Deflater();
  std::string message(std::string_view content);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Inflater {
 public:
  Inflater(uint8_t bits, bool takeover);
  ~Inflater();
  static constexpr uint64_t kNoLimit = ~uint64_t{0};
  // Appends what a piece of a compressed message inflates to; `last` ends the message. Stops as soon as `out` would be longer than `limit`.
  enum class Outcome { ok, too_big, bad_data };
  Outcome piece(std::string_view data, bool last, uint64_t limit, std::string& out);
  void reset();  // forget a message that was broken off

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The one of this thread for messages that stand for themselves.
Deflater& thread_deflater(int level, uint8_t bits);

}  // namespace holdfast
