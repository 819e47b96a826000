#include <random>

#include <gtest/gtest.h>

#include "gateway/base/trace.h"
#include "gateway/message/item_codec.h"

namespace holdfast {
namespace {

bool same(const HttpResponseFormat& a, const HttpResponseFormat& b) {
  return a.action == b.action && a.code == b.code && a.reason == b.reason && a.headers == b.headers && a.body.view() == b.body.view() &&
         a.body_patch == b.body_patch && a.content_filters == b.content_filters && a.has_content_filters == b.has_content_filters;
}
bool same(const HttpStreamFormat& a, const HttpStreamFormat& b) {
  return a.action == b.action && a.content.view() == b.content.view() && a.content_filters == b.content_filters &&
         a.has_content_filters == b.has_content_filters;
}
bool same(const WsMessageFormat& a, const WsMessageFormat& b) {
  return a.action == b.action && a.type == b.type && a.content.view() == b.content.view() && a.close_code == b.close_code &&
         a.close_reason == b.close_reason && a.content_filters == b.content_filters && a.has_content_filters == b.has_content_filters;
}
template <class Format>
bool same(const std::optional<Format>& a, const std::optional<Format>& b) {
  return a && b ? same(*a, *b) : a.has_value() == b.has_value();
}
bool same(const Item& a, const Item& b) {
  return a.channel == b.channel && a.id == b.id && a.prev_id == b.prev_id && same(a.http_response, b.http_response) &&
         same(a.http_stream, b.http_stream) && same(a.ws_message, b.ws_message) && a.meta == b.meta && a.no_seq == b.no_seq &&
         a.size == b.size && a.origin.node == b.origin.node && a.origin.at == b.origin.at && a.origin.traceparent == b.origin.traceparent;
}

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  size_t below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }
  bool coin() { return below(2) == 1; }
  std::string octets(size_t longest) {
    std::string out(below(longest + 1), '\0');
    for (char& c : out) c = static_cast<char>(below(256));
    return out;
  }
  std::string line(size_t longest) {
    std::string out(below(longest + 1), '\0');
    for (char& c : out) c = static_cast<char>(' ' + below(95));
    return out;
  }
  Action action() { return static_cast<Action>(below(4)); }
  template <class Format>
  void filters(Format& format) {
    format.has_content_filters = coin();
    for (size_t n = format.has_content_filters ? below(3) : 0; n > 0; --n) format.content_filters.push_back(octets(8));
  }

 private:
  std::mt19937 random_;
};

Item random_item(Dice& dice) {
  Item item;
  item.channel = dice.octets(20);
  if (dice.coin()) item.id = dice.octets(10);
  if (dice.coin()) item.prev_id = dice.octets(10);
  for (size_t n = dice.below(4); n > 0; --n) item.meta[dice.octets(5)] = dice.octets(5);
  item.no_seq = dice.coin();
  item.size = static_cast<int64_t>(dice.below(1000)) - 1;
  if (dice.coin()) {
    auto& http = item.http_response.emplace();
    http.action = dice.action();
    http.code = static_cast<int>(200 + dice.below(800));
    http.reason = dice.line(10);
    for (size_t n = dice.below(4); n > 0; --n) http.headers.add("X-" + std::to_string(dice.below(9)), dice.line(10));
    http.body = Bytes(dice.octets(50));
    if (dice.coin()) http.body_patch = dice.octets(10);
    dice.filters(http);
  }
  if (dice.coin()) {
    auto& stream = item.http_stream.emplace();
    stream.action = dice.action();
    stream.content = Bytes(dice.octets(50));
    dice.filters(stream);
  }
  if (dice.coin()) {
    auto& message = item.ws_message.emplace();
    message.action = dice.action();
    message.type = static_cast<WsMessageType>(dice.below(4));
    message.content = Bytes(dice.octets(125));
    message.close_code = dice.coin() ? static_cast<int>(3000 + dice.below(2000)) : 0;
    message.close_reason = dice.line(20);
    dice.filters(message);
  }
  return item;
}

TEST(ItemCodec, AnythingComesBackAsItWas) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Dice dice(seed);
  for (int n = 0; n < 2000; ++n) {
    const Item item = random_item(dice);
    const auto back = decode(encode(item).view(), item.channel);
    ASSERT_TRUE(back) << n << ": " << back.error().text;
    ASSERT_TRUE(same(item, *back)) << n;
  }
}

TEST(ItemCodec, DamagedEnvelopesNeverCrash) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Dice dice(seed);
  size_t refused = 0;
  for (int n = 0; n < 5000; ++n) {
    std::string bytes = encode(random_item(dice)).str();
    if (bytes.empty()) continue;
    if (dice.coin()) bytes.resize(dice.below(bytes.size()));
    for (size_t flips = dice.below(4); flips > 0 && !bytes.empty(); --flips)
      bytes[dice.below(bytes.size())] = static_cast<char>(dice.below(256));
    const auto out = decode(bytes, "c");
    if (out) continue;
    ++refused;
    ASSERT_EQ(out.error().kind, ErrorKind::invalid);
  }
  EXPECT_GT(refused, 0u);
}

TEST(ItemCodec, TheChannelIsTheCallersAndNotInside) {
  Item item;
  item.channel = "secret-name";
  const Bytes bytes = encode(item);
  EXPECT_EQ(bytes.view().find("secret"), std::string_view::npos);
  EXPECT_EQ(decode(bytes.view(), "other")->channel, "other");
}

TEST(ItemCodec, ContentOutlivesTheInput) {
  HttpStreamFormat format;
  format.content = Bytes::literal("a content long enough to live on the heap");
  Item item;
  item.http_stream = format;
  auto input = std::make_unique<std::string>(encode(item).str());
  const auto out = decode(*input, "c");
  input.reset();
  EXPECT_EQ(out->http_stream->content.view(), "a content long enough to live on the heap");
}

TEST(ItemCodec, AnEmptyListOfContentFiltersIsNotTheSameAsNone) {
  Item item;
  item.http_stream.emplace().has_content_filters = true;
  EXPECT_TRUE(decode(encode(item).view(), "c")->http_stream->has_content_filters);
  item.http_stream->has_content_filters = false;
  EXPECT_FALSE(decode(encode(item).view(), "c")->http_stream->has_content_filters);
}

TEST(ItemCodec, AnEmptyEnvelopeIsAnItemWithoutFormats) {
  const auto out = decode("", "c");
  ASSERT_TRUE(out);
  EXPECT_FALSE(out->id || out->http_response || out->http_stream || out->ws_message);
}

TEST(ItemCodec, FieldsOfANewerReleaseAreIgnored) {
  Item item;
  item.id = "7";
  const std::string newer = encode(item).str() + std::string("\xf2\x06\x03new", 6);  // field 110, three bytes
  EXPECT_EQ(decode(newer, "c")->id, "7");
}

Item with_response(void (*change)(HttpResponseFormat&)) {
  Item item;
  change(item.http_response.emplace());
  return item;
}
Item with_message(void (*change)(WsMessageFormat&)) {
  Item item;
  change(item.ws_message.emplace());
  return item;
}

TEST(ItemCodec, WhatWouldBreakAConnectionIsRefused) {
  const Item cases[] = {
      with_response([](auto& f) { f.code = 101; }),
      with_response([](auto& f) { f.code = 0; }),
      with_response([](auto& f) { f.code = 1000; }),
      with_response([](auto& f) { f.reason = "a\r\nB: c"; }),
      with_response([](auto& f) { f.headers.add("a b", "c"); }),
      with_response([](auto& f) { f.headers.add("", "c"); }),
      with_response([](auto& f) { f.headers.add("a", "b\r\nC: d"); }),
      with_response([](auto& f) { f.headers.add("a", std::string_view("\0", 1)); }),
      with_message([](auto& f) { f.close_code = 1005; }),
      with_message([](auto& f) { f.close_code = -1; }),
      with_message([](auto& f) { f.close_reason = std::string(124, 'x'); }),
      with_message([](auto& f) { f.close_reason = "\xff"; }),
      with_message([](auto& f) {
        f.type = WsMessageType::ping;
        f.content = Bytes(std::string(126, 'x'));
      }),
  };
  for (const Item& item : cases) {
    const auto out = decode(encode(item).view(), "c");
    ASSERT_FALSE(out) << &item - cases;
    EXPECT_EQ(out.error().kind, ErrorKind::invalid);
  }
  Item size;
  size.size = -2;
  EXPECT_FALSE(decode(encode(size).view(), "c"));
}

TEST(ItemCodec, UnknownActionsAndTypesAreRefused) {
  EXPECT_FALSE(decode(std::string_view("\x22\x02\x08\x09", 4), "c"));              // http_stream { action: 9 }
  EXPECT_FALSE(decode(std::string_view("\x2a\x02\x10\x09", 4), "c"));              // ws_message { type: 9 }
  EXPECT_FALSE(decode(std::string_view("\x1a\x05\x08\x09\x10\xc8\x01", 7), "c"));  // http_response { action: 9 code: 200 }
  EXPECT_TRUE(decode(std::string_view("\x22\x02\x08\x01", 4), "c"));
}

TEST(ItemCodec, WhereAnItemCameFromIsCarried) {
  Item item;
  item.channel = "news";
  item.http_stream.emplace();
  item.origin = {"n1", 1'764'590'400'000'000, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
  const auto back = decode(encode(item).view(), "news");
  ASSERT_TRUE(back);
  EXPECT_TRUE(same(*back, item));
}

TEST(ItemCodec, ATraceThatIsNoneIsDropped) {
  Item item;
  item.http_stream.emplace();
  for (const char* text :
       {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n", "x"}) {
    item.origin.traceparent = text;
    EXPECT_EQ(decode(encode(item).view(), "")->origin.traceparent, "") << text;
  }
}

}  // namespace
}  // namespace holdfast
