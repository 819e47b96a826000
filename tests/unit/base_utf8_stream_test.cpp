#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/base/utf8_stream.h"

namespace holdfast {
namespace {

// How many bytes are taken before one is refused, fed one by one; npos: none is.
size_t first_bad_byte(std::string_view text) {
  Utf8Stream stream;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!stream.feed(text.substr(i, 1))) return i;
  }
  return std::string_view::npos;
}

bool well_formed(std::string_view text) {
  Utf8Stream stream;
  return stream.feed(text) && stream.complete();
}

std::string encode(uint32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8Stream, TakesEveryScalarValueAndNoSurrogate) {
  for (uint32_t c = 0; c <= 0x10ffff; ++c) {
    const bool surrogate = c >= 0xd800 && c <= 0xdfff;
    ASSERT_EQ(well_formed(encode(c)), !surrogate) << std::hex << c;
  }
  EXPECT_FALSE(well_formed(encode(0x110000)));
}

TEST(Utf8Stream, FailsAtTheFirstByteThatNothingCanMend) {
  struct Case {
    std::string_view text;
    size_t bad;
  };
  for (const auto& [text, bad] : std::vector<Case>{{"a\x80", 1},            // a continuation alone
                                                   {"\xc0\x80", 0},         // overlong, seen in the first byte
                                                   {"\xc1\xbf", 0},         //
                                                   {"\xe0\x9f\xbf", 1},     // overlong, seen in the second
                                                   {"\xf0\x8f\xbf", 1},     //
                                                   {"\xed\xa0\x80", 1},     // a surrogate
                                                   {"\xf4\x90\x80", 1},     // past U+10FFFF
                                                   {"\xf5\x80", 0},         //
                                                   {"\xff", 0},             //
                                                   {"\xc3(", 1},            // the second byte is none
                                                   {"\xe2\x82 ", 2},        // the third
                                                   {"\xf0\x9f\x98x", 3},    // the fourth
                                                   {"\xe2\xc3\xa9", 1}}) {  // a character inside another
    EXPECT_EQ(first_bad_byte(text), bad) << testing::PrintToString(std::string(text));
    EXPECT_FALSE(well_formed(text)) << testing::PrintToString(std::string(text));
  }
}

TEST(Utf8Stream, IsTheSameHoweverItIsCut) {
  const std::string text = "plain, gr\xc3\xbc\xc3\x9f, \xe2\x82\xac 100, \xf0\x9f\x98\x80 and sixteen more of ASCII";
  for (size_t at = 0; at <= text.size(); ++at) {
    Utf8Stream stream;
    EXPECT_TRUE(stream.feed(std::string_view(text).substr(0, at))) << at;
    EXPECT_EQ(stream.complete(), at == text.size() || (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) << at;
    EXPECT_TRUE(stream.feed(std::string_view(text).substr(at))) << at;
    EXPECT_TRUE(stream.complete()) << at;
  }
}

TEST(Utf8Stream, FindsABadByteAnywhereInALongRunOfAscii) {
  for (size_t size = 1; size <= 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      EXPECT_TRUE(well_formed(text));
      text[at] = '\xff';
      EXPECT_FALSE(well_formed(text)) << size << " " << at;
    }
  }
}

TEST(Utf8Stream, KnowsThatItIsInsideACharacterUntilItIsReset) {
  Utf8Stream stream;
  EXPECT_TRUE(stream.complete());
  EXPECT_TRUE(stream.feed("\xf0\x9f"));
  EXPECT_FALSE(stream.complete());
  EXPECT_TRUE(stream.feed(""));
  EXPECT_FALSE(stream.complete());
  stream.reset();
  EXPECT_TRUE(stream.complete());
  EXPECT_TRUE(stream.feed("a"));
  EXPECT_FALSE(stream.feed("\x98"));
}

}  // namespace
}  // namespace holdfast
