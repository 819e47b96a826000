// Compressed messages: the verdict and what comes out must not hang on the cuts, nothing goes past the limit, and what is deflated comes
// back. Input: a byte of flags, a seed of the cuts, then a compressed message (and the content of another).
#include <random>
#include <string>

#include "gateway/net/permessage_deflate.h"
#include "tests/fuzz/check.h"

using namespace holdfast;

namespace {

enum Flag : uint8_t { kTakeover = 1, kSmallLimit = 2 };
constexpr uint64_t kLargeLimit = 1 << 20;

struct Inflated {
  Inflater::Outcome outcome = Inflater::Outcome::ok;
  std::string out;
  bool operator==(const Inflated&) const = default;
};

Inflated inflate_message(Inflater& inflater, std::string_view data, uint64_t limit, const auto& piece_size) {
  Inflated result;
  do {
    const std::string piece(data.substr(0, piece_size()));  // a copy: reading past it is seen
    data.remove_prefix(piece.size());
    result.outcome = inflater.piece(piece, data.empty(), limit, result.out);
  } while (result.outcome == Inflater::Outcome::ok && !data.empty());
  check(result.out.size() <= limit + 1 && (result.out.size() > limit) == (result.outcome == Inflater::Outcome::too_big));
  // What came out before the fault is nobody's.
  if (result.outcome == Inflater::Outcome::bad_data) result.out.clear();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const bool takeover = (data[0] & kTakeover) != 0;
  const uint64_t limit = (data[0] & kSmallLimit) != 0 ? 100 : kLargeLimit;
  std::minstd_rand random(data[1] + 1U);
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto all = [&] { return input.size(); };
  const auto one = [] { return size_t{1}; };
  const auto some = [&] { return size_t{1} + random() % 16; };

  Inflater inflater(15, takeover), bytewise(15, takeover), cut(15, takeover);
  const auto whole = inflate_message(inflater, input, limit, all);
  check(whole == inflate_message(bytewise, input, limit, one));
  check(whole == inflate_message(cut, input, limit, some));

  // Nothing of a message that was broken off stays.
  inflater.reset();
  Deflater deflater(1, 15, takeover);
  for (int i = 0; i < 2; ++i) {
    const auto back = inflate_message(inflater, deflater.message(input), Inflater::kNoLimit - 1, some);
    check(back.outcome == Inflater::Outcome::ok && back.out == input);
  }
  return 0;
}
