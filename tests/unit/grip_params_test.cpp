#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/grip/params.h"

namespace holdfast {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

HeaderParams one(std::string_view value) {
  auto parsed = parse_params(value);
  EXPECT_TRUE(parsed) << value;
  return parsed.value_or(HeaderParams());
}

std::vector<std::string> firsts(std::string_view value) {
  auto parsed = parse_params_list(value);
  EXPECT_TRUE(parsed) << value;
  std::vector<std::string> out;
  for (const HeaderParams& element : parsed.value_or(std::vector<HeaderParams>())) out.push_back(element.first);
  return out;
}

TEST(Params, AreReadInOrderWithNamesInLowerCase) {
  const HeaderParams params = one("news; Prev-ID=a b ;filter=skip-self;flag;FILTER = x=y ");
  EXPECT_EQ(params.first, "news");
  EXPECT_EQ(params.params, (Params{{"prev-id", "a b"}, {"filter", "skip-self"}, {"flag", ""}, {"filter", "x=y"}}));
}

TEST(Params, AreFoundWithoutRegardToCase) {
  const HeaderParams params = one("a; x=1; y=2; X=3");
  ASSERT_TRUE(params.find("X"));
  EXPECT_EQ(*params.find("X"), "1");
  EXPECT_EQ(params.all("x"), (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(params.find("z"), nullptr);
  EXPECT_TRUE(params.all("z").empty());
}

TEST(Params, EmptyParametersAreNothing) {
  EXPECT_TRUE(one("a;").params.empty());
  EXPECT_TRUE(one("a; ; ;").params.empty());
  EXPECT_EQ(one("").first, "");
  EXPECT_EQ(one(" \t ").first, "");
  EXPECT_EQ(one("; x=1").params, (Params{{"x", "1"}}));
}

TEST(Params, QuotedValuesHoldCommasSemicolonsAndEscapes) {
  EXPECT_EQ(one(R"(a; x="1;2,3" ; y=" \"q\" \\ ";z="")").params, (Params{{"x", "1;2,3"}, {"y", " \"q\" \\ "}, {"z", ""}}));
}

TEST(Params, AQuoteInsideAnUnquotedValueIsACharacter) { EXPECT_EQ(one("a; x=b\"c").params, (Params{{"x", "b\"c"}})); }

TEST(Params, TheFirstPartIsKeptAsItStands) {
  EXPECT_EQ(one(R"(a\n\\\x41; format=cstring)").first, R"(a\n\\\x41)");
  EXPECT_EQ(one(R"("a;b"; x=1)").first, R"("a;b")");
  EXPECT_EQ(one("say \"hi; timeout=3").first, "say \"hi");
  EXPECT_EQ(one("a=b").first, "a=b");
}

TEST(Params, CommasAreOrdinaryOutsideLists) {
  const HeaderParams params = one("a, b; x=c, d; y=1");
  EXPECT_EQ(params.first, "a, b");
  EXPECT_EQ(params.params, (Params{{"x", "c, d"}, {"y", "1"}}));
}

TEST(ParamsList, CommasSeparate) {
  auto list = parse_params_list("a; x=1, b ,c; y=\"2,3\", d;");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 4u);
  EXPECT_EQ((*list)[0].params, (Params{{"x", "1"}}));
  EXPECT_EQ((*list)[1].first, "b");
  EXPECT_EQ((*list)[2].params, (Params{{"y", "2,3"}}));
  EXPECT_EQ((*list)[3].first, "d");
}

TEST(ParamsList, EmptyElementsAreNothing) {
  EXPECT_EQ(firsts(",a,, b, "), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(firsts("").empty());
  EXPECT_TRUE(firsts(" , ,;").empty());
}

TEST(ParamsList, BracketsAndQuotesProtectTheFirstPart) {
  EXPECT_EQ(firsts("</a,b;c>; rel=next, <d>"), (std::vector<std::string>{"</a,b;c>", "<d>"}));
  EXPECT_EQ(firsts("n=\"a,b\", c"), (std::vector<std::string>{"n=\"a,b\"", "c"}));
  EXPECT_EQ(firsts("<a, b"), (std::vector<std::string>{"<a", "b"}));
  EXPECT_EQ(firsts("a\"b, c"), (std::vector<std::string>{"a\"b", "c"}));
}

TEST(Params, MalformedOnesAreRefused) {
  for (std::string_view bad : {"a; x=\"b", "a; x=\"b\\", "a; x=\"b\\\"", "a; x=\"", "a; =b", "a; x=\"b\"c", "a; x=\"b\" c; y=1"}) {
    EXPECT_FALSE(parse_params(bad)) << bad;
    EXPECT_FALSE(parse_params_list(bad)) << bad;
  }
  EXPECT_EQ(parse_params("a; x=\"b").error().kind, ErrorKind::invalid);
}

TEST(Params, ValuesFullOfUnclosedQuotesAndBracketsTakeLinearTime) {
  // Quadratic work on half a megabyte takes minutes, which the time limit of the test turns into a failure.
  std::string quotes;
  std::string brackets;
  for (int i = 0; i < 250'000; ++i) quotes += "\"\\", brackets += "<,";
  EXPECT_EQ(one(quotes).first.size(), quotes.size());
  EXPECT_EQ(firsts(brackets).size(), 250'000u);
}

}  // namespace
}  // namespace holdfast
