#include <limits>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/base/log.h"
#include "gateway/base/text.h"

namespace holdfast {
namespace {

using testing::MatchesRegex;

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { log::configure(log::Level::info, log::Format::text); }

  template <class Act>
  static std::string captured(log::Level level, log::Format format, Act act) {
    log::configure(level, format);
    testing::internal::CaptureStderr();
    act();
    return testing::internal::GetCapturedStderr();
  }
  // The line without its time.
  static std::string text_of(std::initializer_list<log::Field> fields) {
    const auto out = captured(log::Level::info, log::Format::text, [&] { log::info("sentence", fields); });
    return out.substr(std::min<size_t>(out.size(), 25));
  }
  static std::string json_of(std::initializer_list<log::Field> fields) {
    const auto out = captured(log::Level::info, log::Format::json, [&] { log::info("sentence", fields); });
    return out.substr(std::min<size_t>(out.size(), 35));
  }
};

TEST_F(LogTest, TextLineHasUtcTimeLevelSentenceAndFields) {
  const auto out = captured(log::Level::info, log::Format::text, [] { log::info("listening", {{"address", "*:80"}, {"loops", 2}}); });
  EXPECT_THAT(out, MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9][0-9][0-9]Z info  listening address=\\*:80 loops=2\n"));
}

TEST_F(LogTest, JsonLineHasTheSameAndTypedFields) {
  EXPECT_EQ(json_of({{"address", "*:80"}, {"loops", 2}, {"tls", true}}),
            "\"level\":\"info\",\"message\":\"sentence\",\"address\":\"*:80\",\"loops\":2,\"tls\":true}\n");
}

TEST_F(LogTest, LevelsBelowTheConfiguredAreSilent) {
  const auto out = captured(log::Level::warn, log::Format::text, [] {
    log::trace("t");
    log::debug("d");
    log::info("i");
    log::warn("w");
    log::error("e");
  });
  EXPECT_THAT(out, MatchesRegex(".*Z warn  w\n.*Z error e\n"));
  EXPECT_FALSE(log::enabled(log::Level::info));
  EXPECT_TRUE(log::enabled(log::Level::error));
}

TEST_F(LogTest, OffIsSilent) {
  EXPECT_EQ(captured(log::Level::off, log::Format::text, [] { log::error("e"); }), "");
  EXPECT_FALSE(log::enabled(log::Level::off));
}

TEST_F(LogTest, FieldCannotForgeALineOrAnotherField) {
  EXPECT_EQ(text_of({{"path", "/a\nerror x=y"}}), "info  sentence path=\"/a\\u000aerror x=y\"\n");
  EXPECT_EQ(text_of({{"path", "a b=c\"\\"}}), "info  sentence path=\"a b=c\\\"\\\\\"\n");
  EXPECT_EQ(text_of({{"path", ""}}), "info  sentence path=\"\"\n");
  EXPECT_EQ(text_of({{"path", "\x1b[31m\x7f"}}), "info  sentence path=\"\\u001b[31m\\u007f\"\n");
}

TEST_F(LogTest, LinesAreAlwaysUtf8) {
  EXPECT_EQ(json_of({{"a", "\xc3\xa4"}, {"b", "x\xff"}, {"c", "\xc2\x9b"}}),
            "\"level\":\"info\",\"message\":\"sentence\",\"a\":\"\xc3\xa4\",\"b\":\"x\\ufffd\",\"c\":\"\\ufffd\"}\n");
  EXPECT_EQ(text_of({{"b", "x\xff"}}), "info  sentence b=\"x\\ufffd\"\n");
}

TEST_F(LogTest, LongValuesAreCutBetweenCharacters) {
  std::string longer;
  while (longer.size() < 10'000) longer += "\xe2\x82\xac";
  const std::string line = text_of({{"v", "abc" + longer}});
  EXPECT_LT(line.size(), 4200u);
  EXPECT_TRUE(line.ends_with("...\"\n"));
  EXPECT_TRUE(valid_utf8(line));
}

TEST_F(LogTest, NumbersThatJsonLacksAreText) {
  const std::string line = json_of({{"a", std::numeric_limits<double>::infinity()}, {"b", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_THAT(line, testing::HasSubstr("\"a\":\"inf\",\"b\":\"nan\""));
}

TEST_F(LogTest, ParsesLevelWords) {
  log::Level level = log::Level::off;
  EXPECT_TRUE(log::parse_level("debug", level));
  EXPECT_EQ(level, log::Level::debug);
  EXPECT_FALSE(log::parse_level("loud", level));
  EXPECT_FALSE(log::parse_level("", level));
  EXPECT_EQ(level, log::Level::debug);
}

TEST_F(LogTest, LinesOfThreadsDoNotMix) {
  const auto out = captured(log::Level::info, log::Format::text, [] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int k = 0; k < 50; ++k) log::info("a sentence", {{"k", k}, {"text", std::string(200, 'x')}});
      });
    }
    for (auto& thread : threads) thread.join();
  });
  const auto lines = split(out, '\n');
  ASSERT_EQ(lines.size(), 201u);
  for (size_t i = 0; i < 200; ++i) EXPECT_EQ(lines[i].substr(24, 17), " info  a sentence") << lines[i];
}

}  // namespace
}  // namespace holdfast
