// A chunked body must mean the same however it is cut into pieces.
#include <cstdlib>
#include <string>

#include "gateway/net/chunked.h"

using namespace holdfast;

namespace {

struct Decoded {
  std::string content;
  size_t consumed = 0;
  ChunkedDecoder::Outcome outcome = ChunkedDecoder::Outcome::need_more;
};

Decoded decode(std::string_view input, size_t piece) {
  ChunkedDecoder decoder;
  Decoded out;
  while (out.consumed < input.size()) {
    const auto step = decoder.next(input.substr(out.consumed, piece));
    out.consumed += step.consumed;
    out.content += step.data;
    out.outcome = step.outcome;
    if (step.outcome == ChunkedDecoder::Outcome::done || step.outcome == ChunkedDecoder::Outcome::error) break;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto whole = decode(input, size + 1);
  const auto bytes = decode(input, 1);
  const bool done = whole.outcome == ChunkedDecoder::Outcome::done;
  if (whole.content != bytes.content || done != (bytes.outcome == ChunkedDecoder::Outcome::done)) std::abort();
  if (done && whole.consumed != bytes.consumed) std::abort();
  return 0;
}
