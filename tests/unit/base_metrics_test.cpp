#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/base/metrics.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

TEST(Metrics, RendersCountersAndGauges) {
  Metrics metrics;
  metrics.counter("holdfast_items_total", "Items.", {{"door", "http"}}).add(3);
  metrics.gauge("holdfast_holds", "Held connections.").add(2);
  metrics.gauge("holdfast_holds", "Held connections.").sub();
  EXPECT_EQ(metrics.render(),
            "# HELP holdfast_holds Held connections.\n"
            "# TYPE holdfast_holds gauge\n"
            "holdfast_holds 1\n"
            "# HELP holdfast_items_total Items.\n"
            "# TYPE holdfast_items_total counter\n"
            "holdfast_items_total{door=\"http\"} 3\n");
}

TEST(Metrics, RendersNothingWithoutMetrics) { EXPECT_EQ(Metrics().render(), ""); }

TEST(Metrics, SameNameAndLabelsAreTheSameHandleInAnyOrder) {
  Metrics metrics;
  Count& first = metrics.counter("c_total", "C.", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(&first, &metrics.counter("c_total", "C.", {{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(&first, &metrics.counter("c_total", "C.", {{"a", "1"}, {"b", "3"}}));
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.counter("c_total", "C.", {{"reason", "a\"b\\c\nd"}}).add();
  EXPECT_THAT(metrics.render(), HasSubstr(R"(c_total{reason="a\"b\\c\nd"} 1)"));
}

TEST(Metrics, GaugeCallIsAskedAtEachScrape) {
  Metrics metrics;
  double value = 1.5;
  metrics.gauge_call("g", "G.", [&] { return value; });
  EXPECT_THAT(metrics.render(), HasSubstr("\ng 1.5\n"));
  value = -2;
  EXPECT_THAT(metrics.render(), HasSubstr("\ng -2\n"));
}

TEST(Metrics, CounterCallIsAskedAtEachScrapeAndIsACounter) {
  Metrics metrics;
  double value = 1.5;
  metrics.counter_call("c_total", "C.", [&] { return value; });
  EXPECT_THAT(metrics.render(), HasSubstr("# TYPE c_total counter\nc_total 1.5\n"));
  value = 2;
  EXPECT_THAT(metrics.render(), HasSubstr("\nc_total 2\n"));
}

TEST(Metrics, HistogramBucketsAreCumulative) {
  Metrics metrics;
  Histogram& histogram = metrics.histogram("h_seconds", "H.", {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.observe(value);
  EXPECT_EQ(histogram.counts(), (std::vector<uint64_t>{2, 1, 1}));
  EXPECT_EQ(&histogram, &metrics.histogram("h_seconds", "H.", {9}));
  EXPECT_EQ(metrics.render(),
            "# HELP h_seconds H.\n"
            "# TYPE h_seconds histogram\n"
            "h_seconds_count 4\n"
            "h_seconds_sum 7.65\n"
            "h_seconds_bucket{le=\"0.1\"} 2\n"
            "h_seconds_bucket{le=\"1\"} 3\n"
            "h_seconds_bucket{le=\"+Inf\"} 4\n");
}

TEST(Metrics, NothingIsLostBetweenThreads) {
  constexpr int kThreads = 20;  // more than there are cells
  constexpr int kEach = 2000;
  Metrics metrics;
  Histogram& histogram = metrics.histogram("h", "H.", {1});
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) {
        metrics.counter("c_total", "C.").add();
        histogram.observe(1);
      }
    });
  }
  metrics.render();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(metrics.counter("c_total", "C.").value(), kThreads * kEach);
  EXPECT_EQ(histogram.sum(), kThreads * kEach);
}

}  // namespace
}  // namespace holdfast
