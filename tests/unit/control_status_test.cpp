#include "control/gap_log.h"
#include "control/http/status_pads.h"
#include "control/http/status_page.h"
#include "control_support.h"

namespace holdfast::control {
namespace {

// ---- the gap log

TEST(GapLog, TheNewestComesFirstAndTheOldestGo) {
  ManualClock clock;
  GapLog log(clock);
  for (size_t i = 0; i < GapLog::kMost + 3; ++i) {
    log.add("channel " + std::to_string(i), "broker", 1);
    clock.advance(Duration(1000));
  }
  const auto gaps = log.newest();
  ASSERT_EQ(gaps.size(), GapLog::kMost);
  EXPECT_EQ(gaps.front().channel, "channel " + std::to_string(GapLog::kMost + 2));
  EXPECT_EQ(gaps.back().channel, "channel 3");
}

TEST(GapLog, ListenersToldWithinSecondsAreOneEntryPerChannelAndReason) {
  ManualClock clock;
  GapLog log(clock);
  for (int i = 0; i < 1000; ++i) {
    log.add(i % 2 == 0 ? "news" : "sport", "other_epoch", 1);
    clock.advance(Duration(5));
  }
  log.add("news", "broker", 7);
  auto gaps = log.newest();
  ASSERT_EQ(gaps.size(), 3U);
  EXPECT_EQ(gaps[0].listeners, 7U);
  EXPECT_EQ(gaps[1].listeners, 500U);
  clock.advance(Duration(60'000));
  log.add("news", "other_epoch", 1);
  EXPECT_EQ(log.newest().size(), 4U);
}

// ---- who may see what

TEST(StatusPageHost, OnlyNamesThatNoNameServerAnswersForAreThisMachine) {
  for (const char* host : {"localhost", "LocalHost", "localhost:80", "127.0.0.1", "127.0.0.1:7998", "[::1]", "[::1]:7998"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"", ":", ":80", "localhost:", "localhost:x", "localhost.", "a.localhost", "127.0.0.1.nip.io", "127.0.0.1:80:80",
                           "127.1", "::1", "[::1", "[::1]x", "[::1]:", "example.com", "0.0.0.0"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

// ---- listening pads

struct StatusPadsTest : testing::Test {
  ManualClock clock;
  Metrics metrics;
  FakeBroker broker;
  FakeNode node;
  Fleet fleet{broker, node, {}, clock, metrics};
  Service service{broker, node, fleet, metrics};
  std::optional<StatusPads> pads{std::in_place, service, clock};

  Result<std::vector<WatchEvent>> take(const std::string& pad, const std::string& channel = "news") {
    return pads->take(Caller::anybody(), pad, channel);
  }
  bool open(size_t feed) { return node.feeds.at(feed)->push({.kind = WatchEvent::Kind::gap}); }
};

TEST_F(StatusPadsTest, APageGetsWhatCameSinceItAskedLast) {
  ASSERT_TRUE(take("a"));
  EXPECT_EQ(take("a")->size(), 0U);
  node.feeds.at(0)->push({.kind = WatchEvent::Kind::item, .item = std::make_shared<Item>()});
  EXPECT_EQ(take("a")->size(), 1U);
  EXPECT_EQ(take("a")->size(), 0U);
  EXPECT_EQ(node.feeds.size(), 1U);
}

TEST_F(StatusPadsTest, APageThatStaysAwayLosesItsPlace) {
  for (size_t i = 0; i < StatusPads::kMost; ++i) ASSERT_TRUE(take(std::to_string(i)));
  EXPECT_EQ(take("one too many").error().kind, ErrorKind::unavailable);
  clock.advance(StatusPads::kStaysAway / 2);
  ASSERT_TRUE(take("3"));
  clock.advance(StatusPads::kStaysAway / 2);
  ASSERT_TRUE(take("another"));
  EXPECT_FALSE(open(0));
  EXPECT_TRUE(open(3));
}

TEST_F(StatusPadsTest, AnotherChannelTakesThePlaceOfTheOneBefore) {
  ASSERT_TRUE(take("a", "news"));
  ASSERT_TRUE(take("a", "sport"));
  EXPECT_EQ(node.watched, "sport");
  EXPECT_FALSE(open(0));
  EXPECT_TRUE(open(1));
}

TEST_F(StatusPadsTest, AFeedThatEndedIsSaidOnceAndBeginsAnew) {
  ASSERT_TRUE(take("a"));
  node.feeds.at(0)->end("the node stops");
  EXPECT_EQ(take("a")->back().reason, "the node stops");
  ASSERT_TRUE(take("a"));
  EXPECT_EQ(node.feeds.size(), 2U);
}

TEST_F(StatusPadsTest, NothingIsListenedToWhenTheListenerIsGone) {
  ASSERT_TRUE(take("a"));
  pads.reset();
  EXPECT_FALSE(open(0));
}

TEST_F(StatusPadsTest, ACallerWhoMayNotReadGetsNoPlace) {
  EXPECT_EQ(pads->take({"somebody", {}, {"other"}, false}, "a", "news").error().kind, ErrorKind::denied);
}

}  // namespace
}  // namespace holdfast::control
