#include "gateway/net/chunked.h"

#include <algorithm>

namespace holdfast {

namespace {

constexpr uint32_t kMaxExtension = 256;   // of one chunk
constexpr uint32_t kMaxOverhead = 16384;  // extensions of a body
constexpr uint32_t kMaxTrailer = 8192;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::next(std::string_view input) {
  const auto failed = [this](size_t at) {
    state_ = State::error;
    return Step{Outcome::error, at, {}};
  };
  if (state_ == State::error) return failed(0);
  if (state_ == State::done) return {Outcome::done, 0, {}};

  for (size_t i = 0; i < input.size();) {
    const char c = input[i];
    switch (state_) {
      case State::size: {
        const int digit = hex_digit(c);
        if (digit >= 0) {
          if (left_ >> 60 != 0) return failed(i);
          left_ = left_ << 4 | static_cast<uint64_t>(digit);
          any_digit_ = true;
        } else if (any_digit_ && c == ';') {
          extension_ = 0;
          state_ = State::extension;
        } else if (any_digit_ && c == '\r') {
          state_ = State::size_lf;
        } else {
          return failed(i);
        }
        ++i;
        break;
      }
      case State::extension:
        if (c == '\r') {
          state_ = State::size_lf;
        } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f || ++extension_ > kMaxExtension ||
                   ++overhead_ > kMaxOverhead) {
          return failed(i);
        }
        ++i;
        break;
      case State::size_lf:
        if (c != '\n') return failed(i);
        state_ = left_ == 0 ? State::trailer_start : State::data;
        any_digit_ = false;
        ++i;
        break;
      case State::data: {
        const size_t take = static_cast<size_t>(std::min<uint64_t>(left_, input.size() - i));
        left_ -= take;
        if (left_ == 0) state_ = State::data_cr;
        return {Outcome::data, i + take, input.substr(i, take)};
      }
      case State::data_cr:
        if (c != '\r') return failed(i);
        state_ = State::data_lf;
        ++i;
        break;
      case State::data_lf:
        if (c != '\n') return failed(i);
        state_ = State::size;
        ++i;
        break;
      case State::trailer_start:
        if (c == '\r') {
          state_ = State::last_lf;
          ++i;
          break;
        }
        if (c == ' ' || c == '\t' || c == ':') return failed(i);
        state_ = State::trailer;
        break;
      case State::trailer:
        if (c == '\r') {
          state_ = State::trailer_lf;
        } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f || ++trailer_ > kMaxTrailer) {
          return failed(i);
        }
        ++i;
        break;
      case State::trailer_lf:
        if (c != '\n') return failed(i);
        state_ = State::trailer_start;
        ++i;
        break;
      case State::last_lf:
        if (c != '\n') return failed(i);
        state_ = State::done;
        return {Outcome::done, i + 1, {}};
      case State::done:
      case State::error:
        return failed(i);
    }
  }
  return {Outcome::need_more, input.size(), {}};
}

}  // namespace holdfast
