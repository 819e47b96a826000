#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast {

// Decodes a chunked body piece by piece, strictly (RFC 9112 section 7.1): digits-only hexadecimal sizes with overflow check, CRLF line
// ends, extensions of at most 256 bytes a chunk and 16 KiB a body, trailers read within 8 KiB and dropped. Threads: one. Cost: 40 bytes.
class ChunkedDecoder {
 public:
  enum class Outcome { need_more, data, done, error };
  struct Step {
    Outcome outcome = Outcome::need_more;
    size_t consumed = 0;    // of the input, framing included
    std::string_view data;  // a view into the input, for Outcome::data
  };
  // Call again with the rest of the input until need_more, done or error.
  Step next(std::string_view input);

 private:
  enum class State : uint8_t { size, extension, size_lf, data, data_cr, data_lf, trailer_start, trailer, trailer_lf, last_lf, done, error };
  State state_ = State::size;
  bool any_digit_ = false;
  uint64_t left_ = 0;
  uint32_t extension_ = 0;
  uint32_t overhead_ = 0;
  uint32_t trailer_ = 0;
};

}  // namespace holdfast
