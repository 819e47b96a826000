#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast {

// Checks UTF-8 that comes in pieces, cut anywhere; fails at the first byte that no continuation can make well-formed.
class Utf8Stream {
 public:
  bool feed(std::string_view piece);                    // false: not UTF-8
  bool complete() const { return still_needed_ == 0; }  // not inside a character
  void reset() { *this = Utf8Stream(); }

 private:
  uint8_t still_needed_ = 0;
  uint8_t lowest_ = 0x80, highest_ = 0xbf;  // of the next byte
};

}  // namespace holdfast
