#include <gtest/gtest.h>

#include "gateway/message/foreign.h"
#include "gateway/message/item_codec.h"

namespace holdfast {
namespace {

TEST(Foreign, RawBytesBecomeEveryFormat) {
  const auto item = foreign_item(Wire::raw, "hello", "c", "data: {}\n\n");
  ASSERT_TRUE(item);
  EXPECT_EQ(item->http_stream->content.view(), "data: hello\n\n");
  EXPECT_EQ(item->http_response->body.view(), "hello");
  EXPECT_EQ(item->ws_message->content.view(), "hello");
  EXPECT_EQ(item->ws_message->type, WsMessageType::text);
  EXPECT_EQ(foreign_item(Wire::raw, "\xff", "c", "{}")->ws_message->type, WsMessageType::binary);
}

TEST(Foreign, AnItemInJsonNeedsNoChannel) {
  const auto item = foreign_item(Wire::item_json, R"({"http-stream":{"content":"x"},"id":"7"})", "c", "{}");
  ASSERT_TRUE(item) << item.error().text;
  EXPECT_EQ(item->channel, "c");
  EXPECT_EQ(*item->id, "7");
  EXPECT_FALSE(foreign_item(Wire::item_json, "hello", "c", "{}"));
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

}  // namespace
}  // namespace holdfast
