#include "gateway/base/utf8_stream.h"

#include <cstring>

namespace holdfast {

namespace {

// Most text is ASCII: eight bytes at a time.
size_t ascii_prefix(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  size_t done = 0;
  for (; text.size() - done >= sizeof(uint64_t); done += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + done, sizeof word);
    if ((word & kHighBits) != 0) break;
  }
  return done;
}

}  // namespace

bool Utf8Stream::feed(std::string_view piece) {
  for (size_t i = 0; i < piece.size(); ++i) {
    if (still_needed_ == 0) i += ascii_prefix(piece.substr(i));
    if (i == piece.size()) break;
    const auto byte = static_cast<unsigned char>(piece[i]);
    if (still_needed_ > 0) {
      if (byte < lowest_ || byte > highest_) return false;
      --still_needed_;
      lowest_ = 0x80;
      highest_ = 0xbf;
    } else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) return false;
      still_needed_ = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
      if (byte == 0xe0) lowest_ = 0xa0;   // overlong below
      if (byte == 0xed) highest_ = 0x9f;  // surrogates above
      if (byte == 0xf0) lowest_ = 0x90;   // overlong below
      if (byte == 0xf4) highest_ = 0x8f;  // past U+10FFFF above
    }
  }
  return true;
}

}  // namespace holdfast
