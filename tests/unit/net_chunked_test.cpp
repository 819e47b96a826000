#include <string>

#include <gtest/gtest.h>

#include "gateway/net/chunked.h"

namespace holdfast {
namespace {

struct Decoded {
  std::string content;
  bool done = false;
  bool error = false;
  size_t consumed = 0;
};

Decoded decode(std::string_view input, size_t piece = SIZE_MAX) {
  ChunkedDecoder decoder;
  Decoded out;
  while (out.consumed < input.size()) {
    const auto step = decoder.next(input.substr(out.consumed, piece));
    out.consumed += step.consumed;
    out.content += step.data;
    out.done = step.outcome == ChunkedDecoder::Outcome::done;
    out.error = step.outcome == ChunkedDecoder::Outcome::error;
    if (out.done || out.error) break;
  }
  return out;
}

TEST(ChunkedBody, IsTheSameHoweverItIsCut) {
  const std::string text = "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nNEXT";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    const auto got = decode(text, piece);
    EXPECT_EQ(got.content, "abc0123456789") << piece;
    EXPECT_TRUE(got.done) << piece;
    EXPECT_EQ(got.consumed, text.size() - 4) << piece;
  }
}

TEST(ChunkedBody, RefusesWhatCouldBeReadInTwoWays) {
  for (const char* text : {"0x3\r\nabc\r\n", "+3\r\nabc\r\n", "-2\r\nabc\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n", "3\nabc\n0\n\n",
                           "3\r\nabcX\r\n", "3\r\nabc\n", "\r\n", ";x\r\n", "11111111111111111\r\n", "3;\n\r\nabc\r\n", "3\rabc",
                           "0\r\n bad: fold\r\n\r\n", "0\r\n: empty\r\n\r\n", "0\r\nA: \x01\r\n\r\n", "g\r\n"}) {
    EXPECT_TRUE(decode(text).error) << text;
  }
}

TEST(ChunkedBody, BoundsExtensionsAndTrailers) {
  EXPECT_TRUE(decode("1;" + std::string(300, 'x') + "\r\na\r\n").error);
  EXPECT_TRUE(decode("0\r\nA: " + std::string(9000, 'x') + "\r\n\r\n").error);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "1;" + std::string(200, 'x') + "\r\na\r\n";
  EXPECT_TRUE(decode(many).error);
}

TEST(ChunkedBody, StaysWrongOnceItWasWrong) {
  ChunkedDecoder decoder;
  EXPECT_EQ(decoder.next("x").outcome, ChunkedDecoder::Outcome::error);
  EXPECT_EQ(decoder.next("0\r\n\r\n").outcome, ChunkedDecoder::Outcome::error);
}

}  // namespace
}  // namespace holdfast
