#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/grip/instruct.h"
#include "gateway/grip/params.h"

namespace holdfast {
namespace {

using testing::ElementsAre;

Headers make(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  Headers out;
  for (const auto& [name, value] : fields) out.add(name, value);
  return out;
}

TEST(Instruct, IsInAnyGripHeaderOrTheMediaType) {
  EXPECT_TRUE(has_instruct(make({{"X-A", "1"}, {"gRIP-Anything", ""}})));
  EXPECT_TRUE(has_instruct(make({{"content-type", "application/grip-instruct"}})));
  EXPECT_FALSE(has_instruct(make({{"Content-Type", "text/plain"}, {"X-Grip-Hold", "stream"}, {"Grip", "1"}})));
  EXPECT_FALSE(has_instruct(Headers()));
}

TEST(Instruct, ParametersOfTheMediaTypeAreIgnored) {
  EXPECT_TRUE(is_instruct_body(make({{"Content-Type", "Application/GRIP-instruct ; charset=utf-8"}})));
  EXPECT_FALSE(is_instruct_body(make({{"Content-Type", "application/grip-instructions"}})));
  EXPECT_FALSE(is_instruct_body(make({{"Content-Type", ""}})));
  EXPECT_FALSE(is_instruct_body(make({{"Grip-Hold", "stream"}})));
}

TEST(Instruct, GripAndConnectionHeadersDoNotReachTheClient) {
  const Headers reply = make({{"X-A", "1"},
                              {"Grip-Set-Meta", "a=b"},
                              {"GRIP-odd", "x"},
                              {"content-length", "3"},
                              {"Connection", "close"},
                              {"Keep-Alive", "timeout=9"},
                              {"Content-Encoding", "gzip"},
                              {"Transfer-Encoding", "chunked"},
                              {"x-a", "2"}});
  const auto parsed = parse_instruct(201, "Made", reply, std::nullopt);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->headers, make({{"X-A", "1"}, {"x-a", "2"}}));
  EXPECT_EQ(parsed->status, 201);
  EXPECT_EQ(parsed->reason, "Made");
}

TEST(Instruct, OnlyExposedHeadersRemainWhenAnyIsNamed) {
  const Headers reply = make({{"Grip-Expose-Headers", "x-show"},
                              {"Grip-Expose-Headers", "X-Too, X-Three"},
                              {"X-Show", "1"},
                              {"X-Hide", "2"},
                              {"X-Too", "3"},
                              {"X-Three", "4"},
                              {"Content-Type", "text/plain"}});
  const auto parsed = parse_instruct(200, "OK", reply, std::nullopt);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->has_expose_headers);
  EXPECT_THAT(parsed->expose_headers, ElementsAre("x-show", "X-Too", "X-Three"));
  EXPECT_EQ(parsed->headers, make({{"X-Show", "1"}, {"X-Too", "3"}, {"X-Three", "4"}}));
}

TEST(Instruct, AnEmptyExposeHeaderLeavesNone) {
  const auto parsed = parse_instruct(200, "OK", make({{"Grip-Expose-Headers", ""}, {"X-A", "1"}}), std::nullopt);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->has_expose_headers);
  EXPECT_TRUE(parsed->headers.empty());
}

TEST(Instruct, AMissingReasonIsTheStandardOne) {
  const auto parsed = parse_instruct(404, "", make({{"Grip-Hold", "response"}}), std::nullopt);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->reason, reason_phrase(404));
}

TEST(Instruct, ABodyIsLeftAloneUnlessItsTypeSaysInstruct) {
  const auto parsed = parse_instruct(200, "OK", make({{"Grip-Hold", "response"}}), "{\"hold\": 3}");
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->body);
}

TEST(Cstring, EscapesAreUndone) {
  EXPECT_EQ(decode_cstring(""), "");
  EXPECT_EQ(decode_cstring("plain \"text\""), "plain \"text\"");
  EXPECT_EQ(decode_cstring(R"(\\\r\n\x41\xfF\x00)"), std::string("\\\r\nA\xff\0", 6));
  EXPECT_EQ(decode_cstring(R"(\x4142)"), "A42");
}

TEST(Cstring, UnknownEscapesYieldNothing) { EXPECT_EQ(decode_cstring(R"(a\tb\0c\Nd)"), "abcd"); }

TEST(Cstring, LoneBackslashesAndBadHexAreRefused) {
  for (std::string_view bad : {"\\", "a\\", "\\\\\\", "\\x", "\\x4", "\\xg1", "\\x1g", "\\x 1", "\\x-1"})
    EXPECT_FALSE(decode_cstring(bad)) << bad;
}

TEST(GripFeature, ListsWhatWeDo) {
  EXPECT_EQ(
      grip_features(),
      "status, session, link:next, link:gone, filter:skip-self, filter:skip-users, filter:require-sub, filter:build-id, filter:var-subst");
}

TEST(GripLast, SaysChannelAndId) {
  EXPECT_EQ(format_grip_last("news", "a1"), "news; last-id=a1");
  EXPECT_EQ(format_grip_last("news", ""), "news; last-id=");
  EXPECT_EQ(format_grip_last("news", "a b"), "news; last-id=a b");
}

TEST(GripLast, OddIdsAreQuotedAndReadBackTheSame) {
  for (std::string_view id : {"a;b", "a,b", "\"", "a\\b", " a", "a ", "x\"; last-id=2", "ä"}) {
    const auto parsed = parse_params_list(format_grip_last("news", id));
    ASSERT_TRUE(parsed) << id;
    ASSERT_EQ(parsed->size(), 1u) << id;
    EXPECT_EQ(parsed->front().first, "news");
    EXPECT_THAT(parsed->front().all("last-id"), ElementsAre(id));
  }
}

TEST(GripLast, NothingCanBeginAHeaderOfItsOwn) {
  EXPECT_EQ(format_grip_last("news", "1\r\nX-Evil: 1"), "");
  EXPECT_EQ(format_grip_last("news", "1\n"), "");
  EXPECT_EQ(format_grip_last("news", std::string_view("\0", 1)), "");
  EXPECT_EQ(format_grip_last("ne\rws", "1"), "");
}

}  // namespace
}  // namespace holdfast
