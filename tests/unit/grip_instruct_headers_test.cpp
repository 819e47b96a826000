#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/grip/instruct.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Headers make(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  Headers out;
  for (const auto& [name, value] : fields) out.add(name, value);
  return out;
}

Result<Instruct> parse(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  return parse_instruct(200, "OK", make(fields), std::nullopt);
}

Instruct good(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  auto parsed = parse(fields);
  EXPECT_TRUE(parsed) << parsed.error().text;
  return parsed.value_or(Instruct());
}

TEST(InstructHeaders, WithoutAnyTheDefaultsHold) {
  const Instruct instruct = good({});
  EXPECT_EQ(instruct.hold, HoldMode::none);
  EXPECT_TRUE(instruct.channels.empty());
  EXPECT_EQ(instruct.timeout, seconds(55));
  EXPECT_FALSE(instruct.keep_alive);
  EXPECT_FALSE(instruct.next);
  EXPECT_FALSE(instruct.gone);
  EXPECT_FALSE(instruct.body);
  EXPECT_EQ(instruct.status, 200);
  EXPECT_EQ(instruct.reason, "OK");
}

TEST(InstructHeaders, HoldHasTwoModes) {
  EXPECT_EQ(good({{"grip-hold", "response"}}).hold, HoldMode::response);
  EXPECT_EQ(good({{"Grip-Hold", "stream"}}).hold, HoldMode::stream);
}

TEST(InstructHeaders, AnotherHoldModeIsRefusedInThePublishedWords) {
  for (std::string_view mode : {"forever", "", "Stream"}) {
    const auto parsed = parse({{"Grip-Hold", mode}});
    ASSERT_FALSE(parsed) << mode;
    EXPECT_EQ(parsed.error().text, "Grip-Hold must be set to either 'response' or 'stream'");
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
  }
}

TEST(InstructHeaders, ChannelsComeFromListsAndRepetitions) {
  const Instruct instruct = good({{"Grip-Channel", "a, b; prev-id=7; filter=skip-self; filter=build-id"}, {"grip-channel", "c; prev-id="}});
  ASSERT_EQ(instruct.channels.size(), 3u);
  EXPECT_EQ(instruct.channels[0].name, "a");
  EXPECT_FALSE(instruct.channels[0].prev_id);
  EXPECT_TRUE(instruct.channels[0].filters.empty());
  EXPECT_EQ(instruct.channels[1].name, "b");
  EXPECT_EQ(instruct.channels[1].prev_id, "7");
  EXPECT_THAT(instruct.channels[1].filters, ElementsAre("skip-self", "build-id"));
  EXPECT_EQ(instruct.channels[2].prev_id, "");
}

TEST(InstructHeaders, AChannelNamedTwiceIsOneAndItsLastWordCounts) {
  const Instruct instruct = good({{"Grip-Channel", "a; prev-id=1, b"}, {"Grip-Channel", "a; prev-id=2"}});
  ASSERT_EQ(instruct.channels.size(), 2u);
  EXPECT_EQ(instruct.channels[0].name, "a");
  EXPECT_EQ(instruct.channels[0].prev_id, "2");
}

TEST(InstructHeaders, FiveFiltersAreAllowed) {
  EXPECT_EQ(good({{"Grip-Channel", "c; filter=a; filter=b; filter=c; filter=d; filter=e"}}).channels.at(0).filters.size(), 5u);
}

TEST(InstructHeaders, TenThousandChannelsAreAllowedAndNoMore) {
  std::string names;
  for (int i = 0; i < 10'000; ++i) names += "c" + std::to_string(i) + ",";
  EXPECT_EQ(good({{"Grip-Channel", names}}).channels.size(), 10'000u);
  const auto parsed = parse({{"Grip-Channel", names}, {"Grip-Channel", "one-more"}});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().text, HasSubstr("Grip-Channel names more than 10000 channels"));
}

TEST(InstructHeaders, TimeoutsBelowFiveSecondsAreRaised) {
  EXPECT_EQ(good({{"Grip-Timeout", "30"}}).timeout, seconds(30));
  EXPECT_EQ(good({{"Grip-Timeout", "5"}}).timeout, seconds(5));
  EXPECT_EQ(good({{"Grip-Timeout", "4"}}).timeout, seconds(5));
  EXPECT_EQ(good({{"Grip-Timeout", "0"}}).timeout, seconds(5));
  EXPECT_EQ(good({{"Grip-Timeout", "2147483647"}}).timeout, seconds(2147483647));
}

TEST(InstructHeaders, KeepAliveHasDefaults) {
  const Instruct instruct = good({{"Grip-Keep-Alive", "ka"}});
  ASSERT_TRUE(instruct.keep_alive);
  EXPECT_EQ(instruct.keep_alive->content, "ka");
  EXPECT_EQ(instruct.keep_alive->timeout, seconds(55));
  EXPECT_EQ(instruct.keep_alive->mode, KeepAliveMode::idle);
}

TEST(InstructHeaders, KeepAliveDataComesInThreeFormats) {
  const std::pair<std::string_view, std::string> cases[] = {
      {R"(a\n; format=raw)", R"(a\n)"},
      {R"(a\n; format=)", R"(a\n)"},
      {"a, b; timeout=3", "a, b"},
      {R"(a\n\r\\\x41; format=cstring; timeout=1)", "a\n\r\\A"},
      {"AAFi; format=base64; timeout=1", std::string("\0\1b", 3)},
      {"YQ==; format=base64", "a"},
      {"YQ; format=base64", "a"},
  };
  for (const auto& [value, content] : cases) {
    const Instruct instruct = good({{"Grip-Keep-Alive", value}});
    ASSERT_TRUE(instruct.keep_alive) << value;
    EXPECT_EQ(instruct.keep_alive->content, content) << value;
  }
}

TEST(InstructHeaders, KeepAliveTimeoutAndModeAreRead) {
  const Instruct instruct = good({{"Grip-Keep-Alive", "x; timeout=7; mode=interval"}});
  EXPECT_EQ(instruct.keep_alive->timeout, seconds(7));
  EXPECT_EQ(instruct.keep_alive->mode, KeepAliveMode::interval);
  EXPECT_EQ(good({{"Grip-Keep-Alive", "x; mode=idle"}}).keep_alive->mode, KeepAliveMode::idle);
  EXPECT_EQ(good({{"Grip-Keep-Alive", "x; timeout=0"}}).keep_alive->timeout, seconds(1));
}

TEST(InstructHeaders, StatusReplacesCodeAndReason) {
  const Instruct named = good({{"Grip-Status", "404 Nope Here"}});
  EXPECT_EQ(named.status, 404);
  EXPECT_EQ(named.reason, "Nope Here");
  const Instruct bare = good({{"Grip-Status", "203"}});
  EXPECT_EQ(bare.status, 203);
  EXPECT_EQ(bare.reason, reason_phrase(203));
  EXPECT_EQ(good({{"Grip-Status", "999"}}).status, 999);
}

TEST(InstructHeaders, MetaIsSetFromListsAndQuotedValues) {
  const Instruct instruct = good({{"Grip-Set-Meta", R"(user=alice, Room = 7)"},
                                  {"Grip-Set-Meta", R"(id_format="v=%(a)s, \"q\"; x")"},
                                  {"Grip-Set-Meta", "flag"},
                                  {"Grip-Set-Meta", "user=bob; ignored=1"}});
  EXPECT_THAT(instruct.meta,
              ElementsAre(Pair("user", "bob"), Pair("Room", "7"), Pair("id_format", R"(v=%(a)s, "q"; x)"), Pair("flag", "")));
}

TEST(InstructHeaders, LinksAreReadByTheirRelation) {
  const Instruct instruct = good({{"Grip-Link", "</next?a=1,2;b>; rel=next; timeout=20, <http://other/gone>; rel=gone"}});
  ASSERT_TRUE(instruct.next);
  EXPECT_EQ(instruct.next->uri, "/next?a=1,2;b");
  EXPECT_EQ(instruct.next->timeout, seconds(20));
  EXPECT_EQ(instruct.gone, "http://other/gone");
}

TEST(InstructHeaders, ANextLinkHasATimeoutOfTwoMinutesUnlessItSaysOtherwise) {
  EXPECT_EQ(good({{"Grip-Link", "</x>; rel=next"}}).next->timeout, seconds(120));
  EXPECT_EQ(good({{"Grip-Link", "</x>; rel=next; timeout=0"}}).next->timeout, seconds(1));
}

TEST(InstructHeaders, LinksWithoutParametersOrWithAnotherRelationAreIgnored) {
  for (std::string_view value : {"</x>", "</x>;", "nonsense", "</x>; rel=prev; timeout=z", "</x>; title=a"}) {
    const Instruct instruct = good({{"Grip-Link", value}});
    EXPECT_FALSE(instruct.next) << value;
    EXPECT_FALSE(instruct.gone) << value;
  }
}

TEST(InstructHeaders, LastIdsAreKept) {
  EXPECT_THAT(good({{"Grip-Last", "a; last-id=1, b; last-id=\"x,y\""}, {"Grip-Last", "c; last-id="}}).last_ids,
              ElementsAre(Pair("a", "1"), Pair("b", "x,y"), Pair("c", "")));
}

TEST(InstructHeaders, UnknownOnesAreIgnored) { EXPECT_EQ(good({{"Grip-Session-Id", "s"}, {"Grip-Odd", ";;=\""}}).headers.size(), 0u); }

struct BadHeader {
  std::string_view name;
  std::string value;
  std::string_view text;  // a part of the error's text
};

TEST(InstructHeaders, EveryMalformedValueIsRefusedAndNamed) {
  const BadHeader cases[] = {
      {"Grip-Channel", "; prev-id=1", "Grip-Channel '' has no name"},
      {"Grip-Channel", "c; filter=1; filter=1; filter=1; filter=1; filter=1; filter=1", "Grip-Channel 'c' has more than 5 filters"},
      {"Grip-Channel", "c; prev-id=\"1", "Grip-Channel cannot be parsed: a quoted string does not end"},
      {"Grip-Channel", "c\xff", "Grip-Channel 'c?' has a name with control characters or bad UTF-8"},
      {"Grip-Channel", "c; prev-id=\xff", "has a prev-id with"},
      {"Grip-Channel", "c; filter=\xff", "has a filter with"},
      {"Grip-Channel", std::string("c\r\nX: y"), "'Grip-Channel' has control characters"},
      {"Grip-Odd", std::string("\0", 1), "'Grip-Odd' has control characters"},
      {"Grip-Timeout", "soon", "Grip-Timeout must be a whole number of seconds, not 'soon'"},
      {"Grip-Timeout", "", "Grip-Timeout must be a whole number of seconds, not ''"},
      {"Grip-Timeout", "-1", "Grip-Timeout must be"},
      {"Grip-Timeout", "1.5", "Grip-Timeout must be"},
      {"Grip-Timeout", "2147483648", "Grip-Timeout must be"},
      {"Grip-Timeout", "99999999999999999999999", "Grip-Timeout must be"},
      {"Grip-Keep-Alive", "", "Grip-Keep-Alive has no data"},
      {"Grip-Keep-Alive", "; timeout=3", "Grip-Keep-Alive has no data"},
      {"Grip-Keep-Alive", "\\q; format=cstring", "Grip-Keep-Alive has no data"},
      {"Grip-Keep-Alive", "x; format=rot13", "Grip-Keep-Alive has the unknown format 'rot13'"},
      {"Grip-Keep-Alive", "\\x2; format=cstring", "Grip-Keep-Alive does not fit its format cstring: \\x is not followed by two hex digits"},
      {"Grip-Keep-Alive", "x\\; format=cstring", "a backslash stands at the end"},
      {"Grip-Keep-Alive", "?; format=base64", "Grip-Keep-Alive does not fit its format base64: it is not base64"},
      {"Grip-Keep-Alive", "A; format=base64", "it is not base64"},
      {"Grip-Keep-Alive", "x; timeout=abc", "the timeout of Grip-Keep-Alive must be a whole number of seconds, not 'abc'"},
      {"Grip-Keep-Alive", "x; timeout=-4", "the timeout of Grip-Keep-Alive must be"},
      {"Grip-Keep-Alive", "x; mode=sometimes", "Grip-Keep-Alive has the unknown mode 'sometimes'"},
      {"Grip-Keep-Alive", "x; timeout=\"1", "Grip-Keep-Alive cannot be parsed"},
      {"Grip-Set-Meta", "=v", "Grip-Set-Meta cannot be parsed: a parameter has no name"},
      {"Grip-Set-Meta", "; a=b", "Grip-Set-Meta must be NAME=VALUE, not ''"},
      {"Grip-Set-Meta", "a=\"b", "Grip-Set-Meta cannot be parsed: a quoted string does not end"},
      {"Grip-Set-Meta", "a=\xff", "Grip-Set-Meta has control characters or bad UTF-8"},
      {"Grip-Link", "/x; rel=next", "Grip-Link must be <URI>; rel=..., not '/x'"},
      {"Grip-Link", "<>; rel=next", "Grip-Link has the bad URI ''"},
      {"Grip-Link", "<; rel=next", "Grip-Link must be <URI>"},
      {"Grip-Link", "; rel=next", "Grip-Link must be <URI>"},
      {"Grip-Link", "</a b>; rel=next", "Grip-Link has the bad URI '/a b'"},
      {"Grip-Link", "</\xc3\xa4>; rel=gone", "Grip-Link has the bad URI"},
      {"Grip-Link", "</a\\b>; rel=gone", "Grip-Link has the bad URI"},
      {"Grip-Link", "</x>; rel=next; timeout=z", "the timeout of Grip-Link must be a whole number of seconds, not 'z'"},
      {"Grip-Link", "</x>; rel=next; timeout=-1", "the timeout of Grip-Link must be"},
      {"Grip-Link", "</x>; rel=\"next", "Grip-Link cannot be parsed"},
      {"Grip-Last", "a", "Grip-Last must be CHANNEL; last-id=ID"},
      {"Grip-Last", "; last-id=1", "Grip-Last must be CHANNEL; last-id=ID"},
      {"Grip-Last", "a; last-id=\xff", "Grip-Last has control characters or bad UTF-8"},
      {"Grip-Last", "a; last-id=\"", "Grip-Last cannot be parsed"},
      {"Grip-Status", "abc", "Grip-Status must be 200 to 999 and a reason, not 'abc'"},
      {"Grip-Status", "1000", "Grip-Status must be 200 to 999"},
      {"Grip-Status", "-1", "Grip-Status must be 200 to 999"},
      {"Grip-Status", "101 Switching Protocols", "Grip-Status must be 200 to 999"},
      {"Grip-Status", "", "Grip-Status must be 200 to 999"},
  };
  for (const BadHeader& bad : cases) {
    const auto parsed = parse({{"Grip-Hold", "stream"}, {bad.name, bad.value}});
    ASSERT_FALSE(parsed) << bad.name << ": " << bad.value;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
    EXPECT_THAT(parsed.error().text, HasSubstr(bad.text)) << bad.name << ": " << bad.value;
  }
}

TEST(InstructHeaders, ErrorsShowLongAndUnprintableValuesShortAndPrintable) {
  const std::string value = "\t\xff" + std::string(500, 'x');
  const auto parsed = parse({{"Grip-Timeout", value}});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().text, "Grip-Timeout must be a whole number of seconds, not '??" + std::string(62, 'x') + "...'");
}

}  // namespace
}  // namespace holdfast
