#include <gtest/gtest.h>

#include "control/rate_limits.h"

namespace holdfast::control {
namespace {

using std::chrono::milliseconds;

class RateLimitsTest : public testing::Test {
 protected:
  static Caller caller(const std::string& identity, double rate, double burst) {
    return {.name = "same", .identity = identity, .rate = rate, .burst = burst};
  }
  Metrics metrics_;
  RateLimits limits_{metrics_, 3};
  TimePoint now_ = TimePoint() + std::chrono::hours(1);
};

TEST_F(RateLimitsTest, ABurstPassesAndThenTheRate) {
  const auto a = caller("a", 10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limits_.take(a, 1, now_), Duration(0));
  EXPECT_EQ(limits_.take(a, 1, now_), milliseconds(100));
  EXPECT_EQ(limits_.take(a, 1, now_ + milliseconds(50)), milliseconds(50));
  EXPECT_EQ(limits_.take(a, 1, now_ + milliseconds(100)), Duration(0));
  EXPECT_EQ(limits_.take(a, 1, now_ + milliseconds(100)), milliseconds(100));
  EXPECT_EQ(metrics_.counter("holdfast_publish_throttled_total", "").value(), 3);
}

TEST_F(RateLimitsTest, ManyItemsCountAsManyAndALargeRequestPassesInTheEnd) {
  const auto a = caller("a", 10, 5);
  EXPECT_EQ(limits_.take(a, 20, now_), Duration(0)) << "the bucket is full";
  EXPECT_EQ(limits_.take(a, 20, now_), milliseconds(2000)) << "15 in debt, and full again at 5";
  EXPECT_EQ(limits_.take(a, 1, now_), milliseconds(1600));
  EXPECT_EQ(limits_.take(a, 20, now_ + milliseconds(2000)), Duration(0));
}

TEST_F(RateLimitsTest, CallersDoNotShareAndOnesWithoutARateAreFree) {
  EXPECT_EQ(limits_.take(caller("a", 1, 1), 1, now_), Duration(0));
  EXPECT_NE(limits_.take(caller("a", 1, 1), 1, now_), Duration(0));
  EXPECT_EQ(limits_.take(caller("b", 1, 1), 1, now_), Duration(0));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limits_.take(Caller::anybody(), 1000, now_), Duration(0));
}

TEST_F(RateLimitsTest, MemoryIsBoundedByForgettingWhoCameLeastRecently) {
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(limits_.take(caller(name, 1, 1), 1, now_), Duration(0));
  EXPECT_NE(limits_.take(caller("a", 1, 1), 1, now_), Duration(0));
  EXPECT_EQ(limits_.take(caller("d", 1, 1), 1, now_), Duration(0));
  EXPECT_NE(limits_.take(caller("a", 1, 1), 1, now_), Duration(0));
  EXPECT_EQ(limits_.take(caller("b", 1, 1), 1, now_), Duration(0)) << "forgotten";
  EXPECT_EQ(metrics_.gauge("holdfast_rate_limited_callers", "").value(), 3);
}

}  // namespace
}  // namespace holdfast::control
