#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/grip/instruct.h"
#include "gateway/session/test_target.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

TEST(TestTarget, ItsPathIsWhatTheRouteLeaves) {
  EXPECT_EQ(test_resource("/", "").path, "/");
  EXPECT_EQ(test_resource("/stream/", "").path, "/stream");
  EXPECT_EQ(test_resource("/stream//", "").path, "/stream/");
  EXPECT_EQ(test_resource("/try/stream?a=/b/", "/try").path, "/stream");
  EXPECT_EQ(test_resource("/try/stream", "/try/").path, "/stream");
  EXPECT_EQ(test_resource("/try/", "/try").path, "/");
  EXPECT_EQ(test_resource("/try", "/try").path, "");
  EXPECT_EQ(test_resource("", "").path, "");
}

TEST(TestTarget, ChannelsAreThoseOfTheQuery) {
  EXPECT_THAT(test_resource("/stream", "").channels, ElementsAre("test"));
  EXPECT_THAT(test_resource("/stream?", "").channels, ElementsAre("test"));
  EXPECT_THAT(test_resource("/stream?channel=a%20b&x=1&channel=c", "").channels, ElementsAre("a b", "c"));
}

// They come from anybody, and go into a header and into JSON.
TEST(TestTarget, WhatIsNoNameIsNoChannel) {
  for (const char* value : {"", "%0d%0aX:1", "a%2cb", "a;filter=x", "%22a%22", "%ff", "%zz"}) {
    EXPECT_THAT(test_resource("/stream?channel=" + std::string(value), "").channels, ElementsAre("test")) << value;
  }
}

TEST(TestTarget, HoldsAreInstructions) {
  for (const auto& [path, mode] : {std::pair{"/response", HoldMode::response}, std::pair{"/stream", HoldMode::stream}}) {
    const auto answer = test_answer({path, {"a", "b c"}});
    const auto instruct = parse_instruct(answer.head.status, answer.head.reason, answer.head.headers, std::nullopt);
    ASSERT_TRUE(instruct) << instruct.error().text;
    EXPECT_EQ(instruct->hold, mode);
    ASSERT_EQ(instruct->channels.size(), 2u);
    EXPECT_EQ(instruct->channels[1].name, "b c");
  }
}

TEST(TestTarget, ElseThereIsNothing) {
  EXPECT_EQ(test_answer({"/ws", {"a"}}).head.status, 404);
  EXPECT_EQ(test_answer({"/", {"a"}}).head.status, 200);
}

}  // namespace
}  // namespace holdfast
