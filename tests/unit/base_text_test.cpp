#include <gtest/gtest.h>

#include "gateway/base/text.h"

namespace holdfast {
namespace {

using Parts = std::vector<std::string_view>;

TEST(Text, LowersAsciiOnly) {
  EXPECT_EQ(to_lower("AbZ[\xc3\x84"), "abz[\xc3\x84");
  EXPECT_TRUE(iequals("Content-Type", "content-TYPE"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("@", "`"));  // 32 apart, but no letters
}

TEST(Text, StartsWithIgnoresCase) {
  EXPECT_TRUE(istarts_with("Bearer abc", "bearer "));
  EXPECT_TRUE(istarts_with("x", ""));
  EXPECT_FALSE(istarts_with("Bear", "bearer"));
}

TEST(Text, TrimTakesBlanksAndTabsOnly) {
  EXPECT_EQ(trim(" \t a b \t"), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(trim("a\n"), "a\n");
}

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), Parts{""});
}

TEST(Text, ParsesWholeUnsignedNumbersOnly) {
  EXPECT_EQ(parse_uint("0"), 0u);
  EXPECT_EQ(parse_uint("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616"}) EXPECT_FALSE(parse_uint(bad)) << bad;
}

TEST(Text, TokensAreOfRfc9110) {
  EXPECT_TRUE(is_token("X-Grip_Hold!#$%&'*+-.^_`|~9"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token(std::string_view("a\0b", 3)));
  for (const char* bad : {"a b", "a:b", "a\t", "(a)", "a\"", "\xc3\xa4", "a\x7f"}) EXPECT_FALSE(is_token(bad)) << bad;
}

TEST(Text, FieldValuesHaveNoControlsButTab) {
  EXPECT_TRUE(is_field_value("a\tb \xc3\xa4"));
  EXPECT_TRUE(is_field_value(""));
  EXPECT_FALSE(is_field_value("a\r\nB: c"));
  EXPECT_FALSE(is_field_value(std::string_view("\0", 1)));
  EXPECT_FALSE(is_field_value("\x7f"));
}

TEST(Base64, EncodesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(base64_encode(plain), coded);
    EXPECT_EQ(base64_decode(coded), plain);
  }
}

TEST(Base64, EveryByteSurvivesBothAlphabets) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all.push_back(static_cast<char>(i));
    EXPECT_EQ(base64_decode(base64_encode(all)), all);
    EXPECT_EQ(base64url_decode(base64url_encode(all)), all);
  }
  EXPECT_EQ(base64_encode("\xfb\xff"), "+/8=");
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
}

TEST(Base64, RefusesWhatIsNotStrict) {
  // The last three would be second spellings of a good value.
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zm9v=", "Zm 9", "Zm9-", "Zg==Zg==", "\xff\xff\xff\xff", "Zh==", "Zm9=", "Zg==\n"}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
}

TEST(Base64, UrlFormRefusesPaddingAndTheOtherAlphabet) {
  EXPECT_EQ(base64url_decode(""), "");
  for (const char* bad : {"Zg==", "A", "+/8", "Zh", "Zm9v\n", "Zm.v"}) EXPECT_FALSE(base64url_decode(bad)) << bad;
}

TEST(PercentDecode, DecodesEscapes) {
  EXPECT_EQ(percent_decode("a%20b%2fc%C3%a4", false), "a b/c\xc3\xa4");
  EXPECT_EQ(percent_decode("%00", false), std::string(1, '\0'));
  EXPECT_EQ(percent_decode("%2525", false), "%25");  // once only
  EXPECT_EQ(percent_decode("", false), "");
}

TEST(PercentDecode, PlusIsASpaceOnlyWhenAsked) {
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
}

TEST(PercentDecode, RefusesBrokenEscapes) {
  for (const char* bad : {"%", "%2", "a%2", "%g0", "%0g", "%%20", "%-1", "% 1"}) EXPECT_FALSE(percent_decode(bad, false)) << bad;
  EXPECT_FALSE(percent_decode(std::string_view("%20", 2), false));  // looks no further than the text goes
}

TEST(Utf8, AcceptsEveryLengthUpToTheLastCharacter) {
  for (const char* good : {"", "plain ascii, longer than eight bytes", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "eight by\xe2\x82\xac more"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
  }
}

TEST(Utf8, RefusesMalformedSequences) {
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3 ", "eight by\xe2\x28\xa1"}) {
    EXPECT_FALSE(valid_utf8(bad)) << bad;
  }
}

TEST(Utf8, BadByteIsFoundAtEveryPlace) {
  for (size_t place = 0; place < 20; ++place) {
    std::string text(20, 'a');
    text[place] = '\xff';
    EXPECT_FALSE(valid_utf8(text)) << place;
  }
}

}  // namespace
}  // namespace holdfast
