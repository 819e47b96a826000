#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/net/permessage_deflate.h"

namespace holdfast {
namespace {

using namespace std::string_literals;
using Outcome = Inflater::Outcome;

// "" for no agreement.
std::string answer(std::string_view offers, const DeflateOptions& options = {}) {
  const auto agreed = agree_deflate(offers, options);
  return agreed ? agreed->answer : "";
}

DeflateTerms terms(std::string_view offers, const DeflateOptions& options = {}) {
  const auto agreed = agree_deflate(offers, options);
  return agreed ? agreed->terms : DeflateTerms{};
}

DeflateOptions with_takeover() {
  DeflateOptions options;
  options.context_takeover = true;
  return options;
}

constexpr std::string_view kPlain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

TEST(DeflateAgreement, KeepsNoContextUnlessToldTo) {
  EXPECT_EQ(answer("permessage-deflate"), kPlain);
  EXPECT_EQ(answer("permessage-deflate; client_max_window_bits"), kPlain);  // what browsers send
  EXPECT_EQ(terms("permessage-deflate"), (DeflateTerms{true, false, false, 15, 15}));
}

TEST(DeflateAgreement, KeepsContextsThatTheClientDoesNotForbid) {
  const auto options = with_takeover();
  EXPECT_EQ(answer("permessage-deflate", options), "permessage-deflate");
  EXPECT_EQ(terms("permessage-deflate", options), (DeflateTerms{true, true, true, 15, 15}));
  EXPECT_EQ(answer("permessage-deflate; server_no_context_takeover", options), "permessage-deflate; server_no_context_takeover");
  EXPECT_EQ(terms("permessage-deflate; server_no_context_takeover", options), (DeflateTerms{true, false, true, 15, 15}));
  EXPECT_EQ(answer("permessage-deflate; client_no_context_takeover", options), "permessage-deflate; client_no_context_takeover");
  EXPECT_EQ(terms("permessage-deflate; client_no_context_takeover", options), (DeflateTerms{true, true, false, 15, 15}));
}

TEST(DeflateAgreement, HonoursASmallerWindowButNotTheOneThatZlibCannotMake) {
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=10"), std::string(kPlain) + "; server_max_window_bits=10");
  EXPECT_EQ(terms("permessage-deflate; server_max_window_bits=9").our_bits, 9);
  EXPECT_EQ(terms("permessage-deflate; server_max_window_bits=\"12\"").our_bits, 12);
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=8"), "");
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=8, permessage-deflate"), kPlain);
  EXPECT_EQ(answer("permessage-deflate; client_max_window_bits=8"), kPlain);
}

TEST(DeflateAgreement, PassesOverOffersWithUnknownRepeatedOrBadParameters) {
  for (const char* offer : {"permessage-deflate; server_max_window_bits",
                            "permessage-deflate; server_max_window_bits=",
                            "permessage-deflate; server_max_window_bits=7",
                            "permessage-deflate; server_max_window_bits=16",
                            "permessage-deflate; server_max_window_bits=010",
                            "permessage-deflate; server_max_window_bits=+9",
                            "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
                            "permessage-deflate; client_max_window_bits=16",
                            "permessage-deflate; client_max_window_bits=x",
                            "permessage-deflate; client_max_window_bits; client_max_window_bits",
                            "permessage-deflate; server_no_context_takeover=1",
                            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
                            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                            "permessage-deflate; mystery",
                            "permessage-deflate;",
                            "x-webkit-deflate-frame",
                            "",
                            ",",
                            ";",
                            "permessage-deflate-frame"}) {
    EXPECT_EQ(answer(offer), "") << offer;
    EXPECT_EQ(answer(std::string(offer) + " , permessage-deflate"), kPlain) << offer;
  }
}

TEST(DeflateAgreement, TakesTheFirstAcceptableOffer) {
  EXPECT_EQ(answer("x-other, PerMessage-Deflate ;server_max_window_bits = 11 , permessage-deflate"),
            std::string(kPlain) + "; server_max_window_bits=11");
}

TEST(DeflateAgreement, IsOffWhenTheOptionIs) {
  DeflateOptions options;
  options.enabled = false;
  EXPECT_EQ(answer("permessage-deflate", options), "");
}

TEST(DeflateOptions, AreDeclaredUnderWebsocketCompression) {
  DeflateOptions options;
  OptionSet set;
  declare(set, options);
  for (const char* key : {"enabled", "context_takeover", "level", "min_size"}) {
    EXPECT_NE(set.find("websocket.compression."s + key), nullptr) << key;
  }
  EXPECT_TRUE(set.find("websocket.compression.level")->set({"9"}));
  EXPECT_EQ(options.level, 9);
  EXPECT_FALSE(set.find("websocket.compression.level")->set({"0"}));
}

// ---- contents

// What neither is too short to matter nor compresses to nothing.
std::string sample(size_t size) {
  std::string out;
  uint32_t state = 1;
  while (out.size() < size) {
    state = state * 1664525 + 1013904223;
    out += "field" + std::to_string(state >> 24) + "=" + std::to_string(state >> 12) + ";";
  }
  out.resize(size);
  return out;
}

// Inflated in pieces of so many bytes; "?" when refused.
std::string inflate_all(Inflater& inflater, std::string_view data, size_t piece = SIZE_MAX, uint64_t limit = Inflater::kNoLimit) {
  std::string out;
  do {
    const auto now = data.substr(0, piece);
    data.remove_prefix(now.size());
    if (inflater.piece(now, data.empty(), limit, out) != Outcome::ok) return "?";
  } while (!data.empty());
  return out;
}

// The examples of RFC 7692 section 7.2.3.
const std::string kHello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;
const std::string kHelloAgain = "\xf2\x00\x11\x00\x00"s;  // with the context of the first
const std::string kHelloStored = "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s;
const std::string kHelloFinal = "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s;
const std::string kHelloTwoBlocks = "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s;

TEST(Deflating, WritesWhatTheSpecificationShows) {
  Deflater once(9, 15, false);
  EXPECT_EQ(once.message("Hello"), kHello);
  EXPECT_EQ(once.message("Hello"), kHello);
  Deflater kept(9, 15, true);
  EXPECT_EQ(kept.message("Hello"), kHello);
  EXPECT_EQ(kept.message("Hello"), kHelloAgain);
}

TEST(Inflating, ReadsWhatTheSpecificationShows) {
  Inflater once(15, false);
  for (const auto& data : {kHello, kHelloStored, kHelloFinal, kHelloTwoBlocks, kHello}) {
    for (size_t piece = 1; piece <= data.size(); ++piece) EXPECT_EQ(inflate_all(once, data, piece), "Hello") << piece;
  }
  Inflater kept(15, true);
  EXPECT_EQ(inflate_all(kept, kHello), "Hello");
  EXPECT_EQ(inflate_all(kept, kHelloAgain), "Hello");
  EXPECT_EQ(inflate_all(once, kHelloAgain), "?");  // reaches back to what was forgotten
}

TEST(Deflating, MakesOneByteOfNothing) {
  for (const bool takeover : {false, true}) {
    Deflater deflater(1, 15, takeover);
    Inflater inflater(15, takeover);
    for (const char* content : {"", "a", "", "", "a"}) {
      const auto data = deflater.message(content);
      if (*content == '\0') {
        EXPECT_EQ(data, std::string(1, '\0'));
      }
      EXPECT_EQ(inflate_all(inflater, data), content);
    }
  }
}

TEST(Inflating, TakesAMessageOfNoBytesAsNothing) {
  // Some writers flush twice and zlib makes nothing of the second.
  for (const bool takeover : {false, true}) {
    Inflater inflater(15, takeover);
    EXPECT_EQ(inflate_all(inflater, ""), "");
    EXPECT_EQ(inflate_all(inflater, kHello), "Hello");
    EXPECT_EQ(inflate_all(inflater, ""), "");
    EXPECT_EQ(inflate_all(inflater, kHello), "Hello");
  }
}

TEST(Deflating, ComesBackTheSameAtEverySizeLevelAndWindow) {
  for (const int level : {1, 6, 9}) {
    for (const uint8_t bits : {uint8_t{9}, uint8_t{12}, uint8_t{15}}) {
      for (const bool takeover : {false, true}) {
        Deflater deflater(level, bits, takeover);
        Inflater inflater(bits, takeover);
        for (const size_t size : {size_t{1}, size_t{100}, size_t{4096}, size_t{70'000}, size_t{300'000}}) {
          for (const auto& content : {sample(size), std::string(size, 'x')}) {
            EXPECT_EQ(inflate_all(inflater, deflater.message(content), 1000), content) << level << " " << int{bits} << " " << size;
          }
        }
      }
    }
  }
}

TEST(Deflating, IsWholeWhereverItsBufferFillsUp) {
  // The flush marker meets the buffer's end at some of these sizes.
  Deflater deflater(1, 15, false);
  Inflater inflater(15, false);
  std::string content;
  uint32_t state = 7;
  for (int size = 1; size <= 1500; ++size) {
    state = state * 1664525 + 1013904223;
    content += static_cast<char>(state >> 24);  // does not compress
    ASSERT_EQ(inflate_all(inflater, deflater.message(content)), content) << size;
  }
}

TEST(Deflating, TakeoverMakesRepeatsShort) {
  const std::string content = sample(2000);
  Deflater kept(1, 15, true), once(1, 15, false);
  const auto first = kept.message(content);
  EXPECT_LT(kept.message(content).size() * 10, first.size());
  EXPECT_EQ(once.message(content), once.message(content));
}

TEST(Deflating, LendsTheThreadsDeflaterForEachLevelAndWindow) {
  EXPECT_EQ(&thread_deflater(1, 15), &thread_deflater(1, 15));
  EXPECT_NE(&thread_deflater(1, 15), &thread_deflater(2, 15));
  EXPECT_NE(&thread_deflater(1, 15), &thread_deflater(1, 10));
  Inflater inflater(10, false);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(inflate_all(inflater, thread_deflater(1, 10).message(sample(9000))), sample(9000));
}

TEST(Inflating, StopsOneByteAfterTheLimit) {
  const std::string content = sample(5000);
  const std::string data = Deflater(6, 15, false).message(content);
  for (const size_t piece : {size_t{1}, size_t{7}, data.size()}) {
    Inflater inflater(15, false);
    EXPECT_EQ(inflate_all(inflater, data, piece, 5000), content) << piece;
    EXPECT_EQ(inflate_all(inflater, data, piece, 4999), "?") << piece;
    inflater.reset();
    EXPECT_EQ(inflate_all(inflater, data, piece, 5001), content) << piece;
  }
}

TEST(Inflating, StopsABombWithoutItsMemory) {
  const std::string bomb = Deflater(9, 15, false).message(std::string(64 << 20, '\0'));
  ASSERT_LT(bomb.size(), 70'000);
  Inflater inflater(15, false);
  std::string out;
  EXPECT_EQ(inflater.piece(bomb, true, 1000, out), Outcome::too_big);
  EXPECT_EQ(out.size(), 1001);
  EXPECT_LT(out.capacity(), 300'000);
}

TEST(Inflating, MakesNoBlockOfManyKilobytesForAShortMessage) {
  Inflater inflater(15, false);
  std::string out;
  ASSERT_EQ(inflater.piece(kHello, true, Inflater::kNoLimit, out), Outcome::ok);
  EXPECT_LT(out.capacity(), 1024);
}

TEST(Inflating, CountsWhatWasThereToTheLimit) {
  Inflater inflater(15, false);
  std::string out = "before ";
  EXPECT_EQ(inflater.piece(kHello, true, 12, out), Outcome::ok);
  EXPECT_EQ(out, "before Hello");
  out = "before  ";
  EXPECT_EQ(inflater.piece(kHello, true, 12, out), Outcome::too_big);
}

TEST(Inflating, RefusesWhatIsNotDeflated) {
  for (const auto& data : {"\xff"s, "\x07"s, "\x00\x05\x00\x00\x00Hello"s}) {
    for (const bool takeover : {false, true}) {
      Inflater inflater(15, takeover);
      EXPECT_EQ(inflate_all(inflater, data), "?") << testing::PrintToString(data);
    }
  }
}

TEST(Inflating, RefusesAMessageThatIsCutShort) {
  const std::string data = Deflater(6, 15, false).message(sample(300));
  Inflater inflater(15, false);
  for (size_t size = 1; size < data.size(); ++size) {
    EXPECT_EQ(inflate_all(inflater, data.substr(0, size)), "?") << size << " of " << data.size();
    inflater.reset();
  }
  EXPECT_EQ(inflate_all(inflater, data), sample(300));
}

TEST(Inflating, ForgetsAMessageThatWasBrokenOff) {
  Inflater inflater(15, false);
  std::string out;
  ASSERT_EQ(inflater.piece(kHello.substr(0, 4), false, Inflater::kNoLimit, out), Outcome::ok);
  inflater.reset();
  EXPECT_EQ(inflate_all(inflater, kHello), "Hello");
}

}  // namespace
}  // namespace holdfast
