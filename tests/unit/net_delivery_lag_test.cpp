#include <gtest/gtest.h>

#include "gateway/net/delivery_lag.h"

namespace holdfast {
namespace {

struct DeliveryLagTest : testing::Test {
  Metrics metrics;
  ManualClock clock;
  DeliveryLag lag{metrics};
  Histogram& histogram = metrics.histogram("holdfast_delivery_lag_seconds", "", {});

  uint64_t observed() const {
    uint64_t sum = 0;
    for (const uint64_t count : histogram.counts()) sum += count;
    return sum;
  }
};

TEST_F(DeliveryLagTest, CountsOnceTheLastConnectionIsWritten) {
  lag.note(3, clock.wall());
  clock.advance(Duration(20));
  lag.written(2, clock);
  EXPECT_EQ(observed(), 0U);
  clock.advance(Duration(30));
  lag.written(3, clock);
  EXPECT_EQ(observed(), 1U);
  EXPECT_NEAR(histogram.sum(), 0.05, 1e-9);
}

TEST_F(DeliveryLagTest, MessagesToTheSameConnectionsCountAsTheOldestOfThem) {
  const WallTime old = clock.wall();
  clock.advance(Duration(100));
  lag.note(1, clock.wall());
  lag.note(1, old);
  lag.written(1, clock);
  EXPECT_EQ(observed(), 1U);
  EXPECT_NEAR(histogram.sum(), 0.1, 1e-9);
}

TEST_F(DeliveryLagTest, EachSliceTellsOfWhatItFinished) {
  lag.note(1, clock.wall());
  lag.note(4, clock.wall());
  lag.written(2, clock);
  EXPECT_EQ(observed(), 1U);
  lag.written(4, clock);
  EXPECT_EQ(observed(), 2U);
  // The list began anew.
  lag.note(1, clock.wall());
  lag.written(1, clock);
  EXPECT_EQ(observed(), 3U);
}

TEST_F(DeliveryLagTest, AMessageFromAClockThatIsAheadCountsAsNoLag) {
  lag.note(1, clock.wall() + std::chrono::seconds(5));
  lag.written(1, clock);
  EXPECT_EQ(observed(), 1U);
  EXPECT_EQ(histogram.sum(), 0);
}

}  // namespace
}  // namespace holdfast
