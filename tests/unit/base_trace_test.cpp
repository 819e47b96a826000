#include <gtest/gtest.h>

#include "gateway/base/trace.h"

namespace holdfast {
namespace {

constexpr std::string_view kSampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr std::string_view kNotSampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

struct Kept final : SpanSink {
  void take(Span span) override { spans.push_back(std::move(span)); }
  std::vector<Span> spans;
};

TEST(Trace, ATraceparentHasOneForm) {
  EXPECT_TRUE(is_traceparent(kSampled));
  EXPECT_TRUE(is_traceparent(kNotSampled));
  for (const char* text :
       {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n", "x", ""}) {
    EXPECT_FALSE(is_traceparent(text)) << text;
  }
}

TEST(Trace, ASpanIsBelowItsParent) {
  Kept kept;
  const Tracer tracer(kept, 0);
  auto span = tracer.begin(Span::Kind::server, "work", kSampled, WallTime());
  ASSERT_TRUE(span);
  EXPECT_EQ(span->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span->parent_id, "00f067aa0ba902b7");
  EXPECT_NE(span->id, span->parent_id);
  EXPECT_TRUE(is_traceparent(span->traceparent())) << span->traceparent();
  tracer.end(std::move(*span), WallTime(std::chrono::seconds(1)));
  ASSERT_EQ(kept.spans.size(), 1u);
  EXPECT_EQ(kept.spans[0].end - kept.spans[0].begin, std::chrono::seconds(1));
}

TEST(Trace, WhatIsNotSampledIsLeftAlone) {
  Kept kept;
  EXPECT_FALSE(Tracer(kept, 1).begin(Span::Kind::server, "work", kNotSampled, WallTime()));
  EXPECT_FALSE(Tracer(kept, 0).begin(Span::Kind::server, "work", "", WallTime()));
}

TEST(Trace, AShareOfWhatHasNoParentBeginsATrace) {
  Kept kept;
  const auto root = Tracer(kept, 1).begin(Span::Kind::server, "work", "garbage", WallTime());
  ASSERT_TRUE(root);
  EXPECT_EQ(root->parent_id, "");
  EXPECT_TRUE(is_traceparent(root->traceparent())) << root->traceparent();
}

}  // namespace
}  // namespace holdfast
