#include <gtest/gtest.h>

#include "gateway/base/nearest_word.h"
#include "gateway/base/options.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using Values = std::vector<std::string>;

struct Sample {
  std::string name = "n";
  std::string cert;
  bool on = false;
  int64_t count = 5;
  uint64_t bytes = 8192;
  Duration idle = 75s;
  std::string mode = "auto";
  std::vector<std::string> words = {"x"};
};

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() {
    set_.text("name", sample_.name, "Name.");
    const OptionSet::Section edge(set_, "edge");
    set_.path("cert", sample_.cert, "Certificate.");
    set_.boolean("on", sample_.on, "Switch.");
    set_.integer("count", sample_.count, "Count.").range(-2, 9).unit("items");
    set_.size("bytes", sample_.bytes, "Bytes.").range(1024, 65536).reload();
    {
      const OptionSet::Section deeper(set_, "deeper");
      set_.duration("idle", sample_.idle, "Idle.").range(1000, 3'600'000);
    }
    set_.choice("mode", sample_.mode, {"auto", "never"}, "Mode.");
    set_.text_list("words", sample_.words, "Words.").secret();
  }

  // "" or what is wrong.
  std::string set(std::string_view key, const Values& values) {
    Option* option = set_.find(key);
    if (option == nullptr) return "no such option";
    const auto done = option->set(values);
    return done ? "" : done.error().text;
  }

  Sample sample_;
  OptionSet set_;
};

TEST_F(OptionsTest, SectionsNestAndEnd) {
  EXPECT_NE(set_.find("name"), nullptr);
  EXPECT_NE(set_.find("edge.deeper.idle"), nullptr);
  EXPECT_NE(set_.find("edge.mode"), nullptr);
  EXPECT_EQ(set_.find("idle"), nullptr);
  EXPECT_EQ(set_.find(""), nullptr);
}

TEST_F(OptionsTest, RemembersDefaultsAndFlags) {
  EXPECT_EQ(set("edge.bytes", {"2KiB"}), "");
  const Option* bytes = set_.find("edge.bytes");
  EXPECT_EQ(bytes->default_value, Values{"8KiB"});
  EXPECT_EQ(bytes->get(), Values{"2KiB"});
  EXPECT_TRUE(bytes->reloadable);
  EXPECT_TRUE(set_.find("edge.words")->is_secret);
  EXPECT_EQ(set_.find("edge.count")->unit_text, "items");
}

TEST_F(OptionsTest, SetsEveryType) {
  EXPECT_EQ(set("name", {""}), "");
  EXPECT_EQ(set("edge.cert", {"/a b"}), "");
  EXPECT_EQ(set("edge.on", {"TRUE"}), "");
  EXPECT_EQ(set("edge.count", {"-2"}), "");
  EXPECT_EQ(set("edge.bytes", {"64 kib"}), "");
  EXPECT_EQ(set("edge.deeper.idle", {"2m"}), "");
  EXPECT_EQ(set("edge.mode", {"never"}), "");
  EXPECT_EQ(set("edge.words", {"a", "", "c"}), "");
  EXPECT_EQ(sample_.name, "");
  EXPECT_EQ(sample_.cert, "/a b");
  EXPECT_TRUE(sample_.on);
  EXPECT_EQ(sample_.count, -2);
  EXPECT_EQ(sample_.bytes, 65536u);
  EXPECT_EQ(sample_.idle, 120s);
  EXPECT_EQ(sample_.mode, "never");
  EXPECT_EQ(sample_.words, (Values{"a", "", "c"}));
  EXPECT_EQ(set("edge.words", {}), "");
  EXPECT_TRUE(sample_.words.empty());
}

TEST_F(OptionsTest, WhatGetPrintsSetTakesBack) {
  for (const Option& option : set_.options()) {
    const auto printed = option.get();
    EXPECT_TRUE(option.set(printed)) << option.key;
    EXPECT_EQ(option.get(), printed) << option.key;
  }
}

TEST_F(OptionsTest, BadValuesAreExplainedAndLeaveTheMemberAlone) {
  EXPECT_EQ(set("edge.on", {"maybe"}), "expected true or false");
  EXPECT_EQ(set("edge.on", {""}), "expected true or false");
  EXPECT_EQ(set("edge.count", {"ten"}), "expected a whole number");
  EXPECT_EQ(set("edge.count", {"1.5"}), "expected a whole number");
  EXPECT_EQ(set("edge.count", {""}), "expected a whole number");
  EXPECT_EQ(set("edge.count", {"99999999999999999999"}), "number too large");
  EXPECT_EQ(set("edge.bytes", {"many"}), "expected a size such as 512, 64KiB or 1MB");
  EXPECT_EQ(set("edge.deeper.idle", {"soon"}), "expected a time such as 500ms, 5s, 2m or 1h");
  EXPECT_EQ(set("edge.mode", {"x"}), "unknown word 'x', one of: auto, never");
  EXPECT_EQ(set("name", {std::string("a\0b", 3)}), "must not contain a NUL character");
  EXPECT_EQ(set("edge.words", {"a", std::string("\0", 1)}), "must not contain a NUL character");
  EXPECT_EQ(set("name", {}), "expected one value");
  EXPECT_EQ(set("edge.count", {"1", "2"}), "expected one value");
  EXPECT_EQ(sample_.count, 5);
  EXPECT_EQ(sample_.bytes, 8192u);
  EXPECT_EQ(sample_.idle, 75s);
  EXPECT_EQ(sample_.mode, "auto");
  EXPECT_EQ(sample_.words, Values{"x"});
}

TEST_F(OptionsTest, BoundsAreNamedInTheUnitOfTheOption) {
  EXPECT_EQ(set("edge.count", {"10"}), "must be between -2 and 9");
  EXPECT_EQ(set("edge.count", {"-3"}), "must be between -2 and 9");
  EXPECT_EQ(set("edge.bytes", {"1023"}), "must be between 1KiB and 64KiB");
  EXPECT_EQ(set("edge.bytes", {"65537"}), "must be between 1KiB and 64KiB");
  EXPECT_EQ(set("edge.deeper.idle", {"999ms"}), "must be between 1s and 1h");
  EXPECT_EQ(set("edge.deeper.idle", {"3601"}), "must be between 1s and 1h");
}

TEST_F(OptionsTest, OneSidedBounds) {
  int64_t low = 0, high = 0;
  set_.integer("low", low, "").range(1, INT64_MAX);
  set_.integer("high", high, "").range(INT64_MIN, 1);
  EXPECT_EQ(set("low", {"0"}), "must be at least 1");
  EXPECT_EQ(set("high", {"2"}), "must be at most 1");
}

TEST_F(OptionsTest, OwnChecksSeeEveryElement) {
  set_.find("edge.words")->check([](std::string_view word) { return word == "bad" ? "is bad" : ""; });
  EXPECT_EQ(set("edge.words", {"good", "bad"}), "is bad");
  EXPECT_EQ(set("edge.words", {"good"}), "");
}

TEST_F(OptionsTest, SecretWordsAreNotRepeated) {
  set_.find("edge.mode")->secret();
  EXPECT_EQ(set("edge.mode", {"hunter2"}), "unknown word, one of: auto, never");
}

TEST_F(OptionsTest, NearestKeyIsWhatWasMeant) {
  EXPECT_EQ(set_.nearest("edge.byte"), "edge.bytes");
  EXPECT_EQ(set_.nearest("edeg.count"), "edge.count");
  EXPECT_EQ(set_.nearest("idle"), "edge.deeper.idle");
  EXPECT_EQ(set_.nearest("deeper.idle"), "edge.deeper.idle");
  EXPECT_EQ(set_.nearest("something.else.entirely"), "");
  EXPECT_EQ(set_.nearest(""), "");
  EXPECT_EQ(set_.nearest(std::string(1 << 20, 'x')), "");
}

TEST(NearestWord, TakesTheFewestEdits) {
  EXPECT_EQ(nearest_word("hots", {"host", "port", "path"}), "host");
  EXPECT_EQ(nearest_word("Idle-Timeout", {"idle_timeout"}), "idle_timeout");
  EXPECT_EQ(nearest_word("x", {"host"}), "");
  EXPECT_EQ(nearest_word("host", {}), "");
}

TEST(Durations, ParseWithUnits) {
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("5s"), 5s);
  EXPECT_EQ(*parse_duration("2 m"), 2min);
  EXPECT_EQ(*parse_duration("1H"), 1h);
  EXPECT_EQ(*parse_duration("2d"), 48h);
  EXPECT_EQ(*parse_duration("7"), 7s);
  EXPECT_EQ(*parse_duration("0"), 0ms);
}

TEST(Durations, RefuseTheRest) {
  for (const char* bad : {"", "s", "-1s", "1.5s", "5 seconds", "5sm", "1h30m", "99999999999999999999s", "9999999999999999d", "0x5s"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(Durations, FormatInTheLargestUnitThatFits) {
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(75s), "75s");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_duration(48h), "48h");
}

TEST(Sizes, ParseWithUnits) {
  EXPECT_EQ(*parse_size("65536"), 65536u);
  EXPECT_EQ(*parse_size("64KiB"), 65536u);
  EXPECT_EQ(*parse_size("1MB"), 1'000'000u);
  EXPECT_EQ(*parse_size("2GiB"), 2147483648u);
  EXPECT_EQ(*parse_size("7b"), 7u);
  EXPECT_EQ(*parse_size("9223372036854775807"), 9223372036854775807u);
}

TEST(Sizes, RefuseTheRest) {
  for (const char* bad : {"", "KiB", "-1", "1.5MB", "64K", "1 k b", "9223372036854775808", "9999999999TiB", "1e3"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
}

TEST(Sizes, FormatExactly) {
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(500), "500");
  EXPECT_EQ(format_size(16384), "16KiB");
  EXPECT_EQ(format_size(1'000'000), "1MB");
  for (const uint64_t size :
       {uint64_t{1}, uint64_t{1023}, uint64_t{1536}, uint64_t{123456789}, uint64_t{1} << 40, uint64_t{3'000'000'000}}) {
    EXPECT_EQ(*parse_size(format_size(size)), size);
  }
}

TEST(ErrorKinds, HaveNames) {
  EXPECT_STREQ(to_string(ErrorKind::invalid), "invalid");
  EXPECT_STREQ(to_string(ErrorKind::not_found), "not_found");
  EXPECT_STREQ(to_string(ErrorKind::unavailable), "unavailable");
  EXPECT_STREQ(to_string(ErrorKind::timeout), "timeout");
  EXPECT_STREQ(to_string(ErrorKind::too_large), "too_large");
  EXPECT_STREQ(to_string(ErrorKind::denied), "denied");
  EXPECT_STREQ(to_string(ErrorKind::internal), "internal");
}

}  // namespace
}  // namespace holdfast
