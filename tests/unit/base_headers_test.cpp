#include <gtest/gtest.h>

#include "gateway/base/headers.h"

namespace holdfast {
namespace {

Headers three_fields() {
  Headers headers;
  headers.add("Via", "a");
  headers.add("Host", "x");
  headers.add("via", "b");
  return headers;
}

TEST(Headers, FindsTheFirstWithoutRegardToCase) {
  const Headers headers = three_fields();
  EXPECT_EQ(headers.get("VIA"), "a");
  ASSERT_NE(headers.find("hOST"), nullptr);
  EXPECT_EQ(*headers.find("hOST"), "x");
  EXPECT_TRUE(headers.has("host"));
}

TEST(Headers, MissingNamesAreEmptyOrNull) {
  const Headers headers = three_fields();
  EXPECT_EQ(headers.get("Accept"), "");
  EXPECT_EQ(headers.find("Vi"), nullptr);
  EXPECT_FALSE(headers.has("Accept"));
  EXPECT_TRUE(headers.all("Accept").empty());
}

TEST(Headers, AllKeepsOrder) { EXPECT_EQ(three_fields().all("Via"), (std::vector<std::string_view>{"a", "b"})); }

TEST(Headers, SetReplacesEveryFieldAtThePlaceOfTheFirst) {
  Headers headers = three_fields();
  headers.set("VIA", "c");
  Headers expected;
  expected.add("VIA", "c");
  expected.add("Host", "x");
  EXPECT_EQ(headers, expected);
}

TEST(Headers, SetAddsWhatIsMissing) {
  Headers headers = three_fields();
  headers.set("Date", "now");
  EXPECT_EQ(headers.size(), 4u);
  EXPECT_EQ(std::prev(headers.end())->first, "Date");
}

TEST(Headers, SetMayTakeItsValueFromAFieldItReplaces) {
  Headers headers = three_fields();
  headers.set("Via", headers.all("Via")[1]);
  EXPECT_EQ(headers.all("Via"), std::vector<std::string_view>{"b"});
}

TEST(Headers, RemoveTellsHowManyWent) {
  Headers headers = three_fields();
  EXPECT_EQ(headers.remove("VIA"), 2u);
  EXPECT_EQ(headers.remove("VIA"), 0u);
  EXPECT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers.remove_if([](const Headers::Field& field) { return field.second == "x"; }), 1u);
  EXPECT_TRUE(headers.empty());
}

TEST(Headers, RemoveMayBeNamedByAFieldThatGoes) {
  Headers headers = three_fields();
  EXPECT_EQ(headers.remove(headers.begin()->first), 2u);
}

TEST(ReasonPhrase, KnowsTheStandardOnesOnly) {
  EXPECT_EQ(reason_phrase(100), "Continue");
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(504), "Gateway Timeout");
  EXPECT_EQ(reason_phrase(511), "Network Authentication Required");
  for (const int unknown : {-1, 0, 99, 306, 418, 499, 599, 1000}) EXPECT_EQ(reason_phrase(unknown), "") << unknown;
}

}  // namespace
}  // namespace holdfast
