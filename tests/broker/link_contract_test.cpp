#include <atomic>

#include "link_harness.h"

namespace holdfast::broker_test {
namespace {

using std::chrono::steady_clock;

TEST_P(LinkContract, WhileItIsCutPublishingIsRefusedAtOnce) {
  publish_surely(*near, "before");
  cut();
  near->sink.wait_unhealthy();
  expect_refusals();
  heal();
  ASSERT_TRUE(near->sink.wait_healthy());
  publish_surely(*near, "after");
  expect_nothing_lost_silently();
}

TEST_P(LinkContract, AStallIsNoticedInTimeAndThenPublishingIsRefusedAtOnce) {
  publish_surely(*near, "before");
  const auto begun = steady_clock::now();
  stall();
  near->sink.wait_unhealthy();
  EXPECT_LT(steady_clock::now() - begun, harness->notices_within());
  expect_refusals();
  heal();
  ASSERT_TRUE(near->sink.wait_healthy());
  publish_surely(*near, "after");
  expect_nothing_lost_silently();
}

TEST_P(LinkContract, WhatOthersPublishDuringACutComesOrIsTold) {
  publish_surely(*far, "before");
  ASSERT_TRUE(near->sink.wait_last(news, "before"));
  cut();
  near->sink.wait_unhealthy();
  for (int i = 0; i < 5; ++i) publish_surely(*far, "meanwhile " + std::to_string(i));
  heal();
  ASSERT_TRUE(near->sink.wait_healthy());
  publish_surely(*far, "after");
  expect_nothing_lost_silently();
}

TEST_P(LinkContract, WhatOthersPublishDuringAStallComesOrIsTold) {
  publish_surely(*far, "before");
  ASSERT_TRUE(near->sink.wait_last(news, "before"));
  stall();
  publish_surely(*far, "unnoticed");
  near->sink.wait_unhealthy();
  for (int i = 0; i < 5; ++i) publish_surely(*far, "meanwhile " + std::to_string(i));
  heal();
  ASSERT_TRUE(near->sink.wait_healthy());
  publish_surely(*far, "after");
  expect_nothing_lost_silently();
}

// Somebody on the way has forgotten the connections: no end of it is told, and whoever only listens is not told by a failing request.
TEST_P(LinkContract, WhoOnlyListensLeavesHalfOpenConnectionsInTime) {
  publish_surely(*far, "before");
  ASSERT_TRUE(near->sink.wait_last(news, "before"));
  const size_t events = near->sink.events(news).size();
  strand();
  const auto begun = steady_clock::now();
  publish_surely(*far, "meanwhile");
  ASSERT_TRUE(near->sink.wait_events(news, events));  // the message, or that something was missed
  EXPECT_LT(steady_clock::now() - begun, harness->notices_within());
  publish_surely(*far, "after");
  publish_surely(*near, "from here");
  expect_nothing_lost_silently();
}

TEST_P(LinkContract, ASubscriptionThatIsAskedForDuringACutIsMadeWhenItHeals) {
  const auto fresh = news + " fresh";
  cut();
  near->sink.wait_unhealthy();
  auto subscribed = near->subscribe_later({fresh});
  heal();
  ASSERT_TRUE(subscribed.get());
  ASSERT_TRUE(eventually([&] { return far->publish(fresh, "x").has_value(); }));
  ASSERT_TRUE(near->sink.wait_events(fresh, 0));
  // Nothing was missed, unless others took it before they met again.
  EXPECT_TRUE(near->sink.events(fresh).front().publication || harness->stands_alone());
}

TEST_P(LinkContract, APublicationWhoseAnswerIsLostIsRetriedByItsKeyAndComesOnce) {
  mute();
  const auto unanswered = near->publish(news, "once", "key");
  EXPECT_TRUE(unanswered ? harness->stands_alone() : unanswered.error().kind == ErrorKind::unavailable);
  cut();  // and never comes
  heal();
  ASSERT_TRUE(eventually([&] { return near->publish(news, "once", "key").has_value(); }));
  accepted.emplace_back("once");
  publish_surely(*near, "after");
  expect_nothing_lost_silently();
}

TEST_P(LinkContract, NothingAcknowledgedIsLostSilentlyWhileItBreaksAgainAndAgain) {
  std::atomic<bool> go{true};
  std::atomic<size_t> count{0};
  std::thread publisher([&] {
    for (size_t i = 0; go; ++i) {
      const auto text = std::to_string(i);
      if (near->publish(news, text)) {
        accepted.push_back(text);
        ++count;
      } else {
        near->sink.wait_healthy();
      }
    }
  });
  const auto goes_on = [&] {
    const size_t before = count;
    return eventually([&] { return count >= before + 5; });
  };
  for (int round = 0; round < 6; ++round) {
    EXPECT_TRUE(goes_on()) << "round " << round;
    if (round % 3 == 2) {
      strand();
      continue;
    }
    if (round % 3 == 0) {
      cut();
    } else {
      stall();
    }
    near->sink.wait_unhealthy();
    heal();
  }
  EXPECT_TRUE(goes_on());
  go = false;
  publisher.join();
  publish_surely(*near, "end");
  expect_nothing_lost_silently();
}

}  // namespace
}  // namespace holdfast::broker_test
