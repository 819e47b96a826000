#include <random>

#include <gtest/gtest.h>

#include "gateway/base/text.h"
#include "gateway/message/position.h"

namespace holdfast {
namespace {

using Positions = std::vector<Position>;
using Channels = std::vector<std::string_view>;

std::string token_of(std::string_view bytes) { return "h1." + base64url_encode(bytes); }

// The bytes of a token for the channel "a" at epoch 1, without the offset.
std::string beginning() {
  const auto bytes = base64url_decode(format_token({{"a", {1, 0}}}).substr(3));
  return bytes->substr(0, 12);
}

TEST(PositionToken, IsTheSameOnEveryMachine) {
  // Clients bring tokens of other nodes and earlier releases: this text may not change.
  EXPECT_EQ(format_token({{"a", {1, 300}}}), "h1." + base64url_encode(std::string_view("\xe4\x0c\x29\x2c\0\0\0\0\0\0\0\1\xac\x02", 14)));
}

TEST(PositionToken, ComesBackAsItWas) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int n = 0; n < 1000; ++n) {
    std::vector<std::string> names(random() % 5);
    std::vector<ChannelPosition> in;
    Channels channels;
    Positions positions;
    for (auto& name : names) {
      name = "channel-" + std::to_string(random() % 100);
      const Position position{random() | 1, random() >> (random() % 64)};
      in.push_back({name, position});
      channels.push_back(name);
      positions.push_back(position);
    }
    const std::string token = format_token(in);
    ASSERT_TRUE(token.starts_with("h1."));
    ASSERT_EQ(parse_token(token, channels), positions) << token;
  }
}

TEST(PositionToken, ExtremesFit) {
  for (const Position position : {Position{UINT64_MAX, UINT64_MAX}, {1, 0}, {1, 127}, {1, 128}, {0, 0}}) {
    EXPECT_EQ(parse_token(format_token({{"a", position}}), {"a"}), Positions{position});
  }
  EXPECT_EQ(parse_token(format_token({}), {}), Positions{});
  EXPECT_EQ(parse_token(format_token({{"", {1, 2}}}), {""}), (Positions{{1, 2}}));
}

TEST(PositionToken, AnUnknownPositionHasNoOffset) { EXPECT_EQ(parse_token(format_token({{"a", {0, 9}}}), {"a"}), Positions{Position{}}); }

TEST(PositionToken, OfOtherChannelsIsNotTaken) {
  const std::string token = format_token({{"a", {1, 2}}, {"b", {3, 4}}});
  EXPECT_TRUE(parse_token(token, {"a", "b"}));
  for (const Channels& channels : {Channels{}, {"a"}, {"b"}, {"b", "a"}, {"a", "c"}, {"a", "b", "c"}, {"a", "a"}}) {
    EXPECT_FALSE(parse_token(token, channels)) << channels.size();
  }
}

TEST(PositionToken, HostileTextIsNoToken) {
  const std::string good = format_token({{"a", {1, 2}}});
  const std::string start = beginning();
  ASSERT_TRUE(parse_token(token_of(start + '\x02'), {"a"}));
  const std::string cases[] = {
      "",
      "h",
      "h1",
      "h1.",
      "h2." + good.substr(3),
      "H1." + good.substr(3),
      " " + good,
      good + " ",
      good + "\n",
      good + "=",
      good + "==",
      good + "AAAA",
      good.substr(0, good.size() - 1),
      good.substr(0, good.size() - 2),
      "h1." + std::string(100'000, 'A'),
      "h1.+/+/",
      "h1.%00",
      std::string("h1.\0", 4),
      "h1.\xff\xff",
      token_of(start),
      token_of(start.substr(0, 11)),
      token_of(start + '\x80'),
      token_of(start + std::string("\x82\x00", 2)),
      token_of(start + std::string(9, '\xff') + '\x02'),
      token_of(start + std::string(10, '\xff') + '\x01'),
      token_of(start + std::string("\x02\x02", 2)),
      token_of(start.substr(0, 4) + std::string(8, '\0') + '\x05'),
  };
  for (const auto& text : cases) EXPECT_FALSE(parse_token(text, {"a"})) << text.substr(0, 60);
}

TEST(PositionToken, EachPositionHasOneToken) {
  // 13 bytes leave four loose bits in the last character.
  std::string token = format_token({{"a", {1, 2}}});
  size_t taken = 0;
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
    token.back() = c;
    const auto out = parse_token(token, {"a"});
    if (out && *out == Positions{{1, 2}}) ++taken;
  }
  EXPECT_EQ(taken, 1u);
}

}  // namespace
}  // namespace holdfast
