#include <gtest/gtest.h>

#include "gateway/message/item_tnet.h"

namespace holdfast {
namespace {

std::string stream_item(const std::string& content) {
  const auto format = tnet_map(tnet_text("content") + tnet_text(content));
  return tnet_map(tnet_text("channel") + tnet_text("c") + tnet_text("http-stream") + format);
}

TEST(ItemTnet, TakesThreeKindsOfFrame) {
  for (const auto& frame : {std::string(R"(J{"channel":"c","http-stream":{"content":"x"}})"), "T" + stream_item("x"), stream_item("x")}) {
    const auto item = parse_item_frame(frame);
    ASSERT_TRUE(item) << frame;
    EXPECT_EQ(item->channel, "c");
    EXPECT_EQ(item->http_stream->content.view(), "x");
  }
}

TEST(ItemTnet, BodiesAreBytes) {
  const std::string bytes("\xff\0\xfe", 3);
  EXPECT_EQ(parse_item_frame(stream_item(bytes))->http_stream->content.view(), bytes);
  const auto response = tnet_map(tnet_text("code") + tnet_integer(201) + tnet_text("body") + tnet_text(bytes));
  const auto message = tnet_map(tnet_text("content-bin") + tnet_text(bytes));
  const auto formats = tnet_map(tnet_text("http-response") + response + tnet_text("ws-message") + message);
  const auto item = parse_item_frame(tnet_map(tnet_text("channel") + tnet_text("c") + tnet_text("formats") + formats));
  ASSERT_TRUE(item) << item.error().text;
  EXPECT_EQ(item->http_response->code, 201);
  EXPECT_EQ(item->http_response->body.view(), bytes);
  EXPECT_EQ(item->ws_message->content.view(), bytes);
  EXPECT_EQ(item->ws_message->type, WsMessageType::binary);
}

TEST(ItemTnet, OtherTextsAreUtf8) {
  const auto item =
      tnet_map(tnet_text("channel") + tnet_text("\xff") + tnet_text("http-stream") + tnet_map(tnet_text("content") + tnet_text("x")));
  const auto parsed = parse_item_frame(item);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
}

TEST(ItemTnet, TheChannelMayComeFromElsewhere) {
  const auto item = parse_item_frame(tnet_map(tnet_text("http-stream") + tnet_map(tnet_text("content") + tnet_text("x"))), {}, "there");
  ASSERT_TRUE(item);
  EXPECT_EQ(item->channel, "there");
}

TEST(ItemTnet, WhatIsNoItemIsRefused) {
  for (const std::string frame : {"", "J", "T", "T4:abc", "0:~", "J[]", "5:hello,", "T0:}"}) EXPECT_FALSE(parse_item_frame(frame)) << frame;
}

TEST(ItemTnet, LimitsHold) {
  ItemLimits limits;
  limits.max_item_bytes = 10;
  EXPECT_TRUE(parse_item_frame(stream_item("0123456789"), limits));
  const auto refused = parse_item_frame(stream_item("0123456789x"), limits);
  ASSERT_FALSE(refused);
}

}  // namespace
}  // namespace holdfast
