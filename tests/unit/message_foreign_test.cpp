#include <gtest/gtest.h>

#include "gateway/message/foreign.h"
#include "gateway/message/item_codec.h"

namespace holdfast {
namespace {

TEST(Foreign, RawBytesBecomeEveryFormat) {
  const auto item = foreign_item(Wire::raw, "hello", "c", {.stream = "data: {}\n\n"});
  ASSERT_TRUE(item);
  EXPECT_EQ(item->http_stream->content.view(), "data: hello\n\n");
  EXPECT_EQ(item->http_response->body.view(), "hello");
  EXPECT_EQ(item->ws_message->content.view(), "hello");
  EXPECT_EQ(item->ws_message->type, WsMessageType::text);
  EXPECT_EQ(foreign_item(Wire::raw, "\xff", "c")->ws_message->type, WsMessageType::binary);
}

TEST(Foreign, AnItemInJsonNeedsNoChannel) {
  const auto item = foreign_item(Wire::item_json, R"({"http-stream":{"content":"x"},"id":"7"})", "c");
  ASSERT_TRUE(item) << item.error().text;
  EXPECT_EQ(item->channel, "c");
  EXPECT_EQ(*item->id, "7");
  EXPECT_FALSE(foreign_item(Wire::item_json, "hello", "c"));
}

TEST(Foreign, TheLongestPrefixCounts) {
  const auto made = ForeignChannels::make({"feed.=raw", "feed.items.=item-json"}, "{}");
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->match("feed.a"));
  EXPECT_FALSE(made->match("fee"));
  EXPECT_EQ(made->prefix_of("feed.items.a"), "feed.items.");
  EXPECT_TRUE(made->envelope("x", "feed.a"));
  EXPECT_FALSE(made->envelope("x", "feed.items.a"));
  EXPECT_EQ(decode(made->envelope("x", "feed.a")->view(), "feed.a")->http_stream->content.view(), "x");
}

TEST(Foreign, EntriesAreChecked) {
  for (const char* entry : {"feed", "feed=", "=raw", "feed=json"}) EXPECT_FALSE(ForeignChannels::make({entry}, "{}")) << entry;
  EXPECT_TRUE(ForeignChannels::make({"a=b=raw"}, "{}")->match("a=bc"));
}

TEST(Foreign, AMappingHasTemplatesOfItsOwn) {
  auto made = ForeignChannels::make({"feed.=raw", "feed.prices.=raw"}, "all: {}");
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->use(
      {"feed.prices. http-stream=event: price\ndata: {}\n\n", "feed.prices. ws-message={\"price\":{}}", "feed. http-response=<{}={}>"}));
  const auto of = [&](const char* channel) { return *decode(made->envelope("7", channel)->view(), channel); };
  const auto price = of("feed.prices.x"), other = of("feed.x");
  EXPECT_EQ(price.http_stream->content.view(), "event: price\ndata: 7\n\n");
  EXPECT_EQ(price.ws_message->content.view(), "{\"price\":7}");
  EXPECT_EQ(price.http_response->body.view(), "7");
  EXPECT_EQ(other.http_stream->content.view(), "all: 7");
  EXPECT_EQ(other.ws_message->content.view(), "7");
  EXPECT_EQ(other.http_response->body.view(), "<7={}>");
}

TEST(Foreign, TemplatesAreCheckedAndNamed) {
  const auto error = [](const std::vector<std::string>& templates) {
    auto made = ForeignChannels::make({"feed.=raw", "items.=item-json"}, "{}");
    const auto used = made->use(templates);
    return used ? std::string() : used.error().text;
  };
  EXPECT_NE(error({"other. http-stream={}"}).find("'other. http-stream={}'"), std::string::npos);
  EXPECT_NE(error({"feed.http-stream={}"}).find("PREFIX FORMAT=TEMPLATE"), std::string::npos);
  EXPECT_NE(error({"feed. stream={}"}).find("a format of 'feed.' is"), std::string::npos);
  EXPECT_NE(error({"feed. ws-message"}).find("a format of 'feed.' is"), std::string::npos);
  EXPECT_NE(error({"items. ws-message={}"}).find("'items.' is fed with items"), std::string::npos);
  EXPECT_NE(error({"feed. ws-message=a{}", "feed. ws-message=b{}"}).find("two templates for ws-message"), std::string::npos);
  EXPECT_EQ(error({"feed. ws-message="}), "");
}

}  // namespace
}  // namespace holdfast
