#include <gtest/gtest.h>

#include "gateway/grip/ws_events.h"

namespace holdfast {
namespace {

using namespace std::string_literals;

std::string shown(std::string_view body) {
  const auto events = decode_events(body);
  if (!events) return "error: " + events.error().text;
  std::string out;
  for (const auto& event : *events) out += std::to_string(static_cast<int>(event.type)) + "[" + std::string(event.content) + "]";
  return out;
}

TEST(WsEvents, WritesContentWithItsSizeAndNothingWithout) {
  std::string out;
  encode_event(WsEventType::open, {}, out);
  encode_event(WsEventType::text, "hello world, this is long", out);
  encode_event(WsEventType::close, "\x03\xe8", out);
  EXPECT_EQ(out, "OPEN\r\nTEXT 19\r\nhello world, this is long\r\nCLOSE 2\r\n\x03\xe8\r\n");
}

TEST(WsEvents, ReadsEveryType) {
  EXPECT_EQ(shown("OPEN\r\nTEXT 2\r\nhi\r\nBINARY 2\r\n\r\n\r\nPING\r\nPONG 1\r\nx\r\nCLOSE\r\nDISCONNECT\r\n"),
            "0[]1[hi]2[\r\n]3[]4[x]5[]6[]");
  EXPECT_EQ(shown(""), "");
}

TEST(WsEvents, ReadsSizesInEitherCaseAndWithLeadingZeros) {
  EXPECT_EQ(shown("TEXT A\r\n0123456789\r\n"), "1[0123456789]");
  EXPECT_EQ(shown("TEXT 000a\r\n0123456789\r\n"), "1[0123456789]");
  EXPECT_EQ(shown("TEXT 0\r\n\r\n"), "1[]");
  EXPECT_EQ(shown("TEXT\r\n"), "1[]");
}

TEST(WsEvents, PassesOverUnknownTypes) { EXPECT_EQ(shown("NEWS 3\r\nabc\r\nTEXT 1\r\nx\r\nX-1_2\r\n"), "1[x]"); }

TEST(WsEvents, SaysWhereABodyIsBad) {
  EXPECT_EQ(shown("OPEN\r\nTEXT 6\r\nabc\r\n"), "error: bad WebSocket events at byte 6: content is cut off");
  EXPECT_EQ(shown("TEXT 2\r\nabc\r\n"), "error: bad WebSocket events at byte 0: no line end after the content");
  EXPECT_EQ(shown("TEXT 2\r\nab"), "error: bad WebSocket events at byte 0: no line end after the content");
  EXPECT_EQ(shown("OPEN"), "error: bad WebSocket events at byte 0: no line end after the type");
  EXPECT_EQ(shown("OPEN\n"), "error: bad WebSocket events at byte 0: no line end after the type");
  EXPECT_EQ(shown(" 1\r\nx\r\n"), "error: bad WebSocket events at byte 0: no type name");
  EXPECT_EQ(shown("text 1\r\nx\r\n"), "error: bad WebSocket events at byte 0: no type name");
  EXPECT_EQ(shown(std::string(33, 'A') + "\r\n"), "error: bad WebSocket events at byte 0: no type name");
  EXPECT_EQ(shown(std::string(4000, 'A')), "error: bad WebSocket events at byte 0: no line end after the type");
}

TEST(WsEvents, RefusesSizesThatAreNone) {
  for (const char* size : {"", "-1", "+1", "1 ", " 1", "0x1", "g", "1;x", "fffffffffffffffff"}) {
    EXPECT_EQ(shown("TEXT "s + size + "\r\nx\r\n"), "error: bad WebSocket events at byte 0: no good size") << size;
  }
  EXPECT_EQ(shown("TEXT ffffffffffffffff\r\nx\r\n"), "error: bad WebSocket events at byte 0: content is cut off");
}

TEST(WsEvents, RefusesMoreEventsThanAMindCanHold) {
  std::string body;
  for (int i = 0; i < 100'001; ++i) body += "PING\r\n";
  EXPECT_EQ(shown(body), "error: bad WebSocket events at byte 600000: too many events");
}

TEST(WsEvents, CloseContentGoesBothWays) {
  EXPECT_EQ(encode_close(1000, "bye"), "\x03\xe8"s + "bye");
  EXPECT_EQ(encode_close(0, "bye"), "");
  const auto close = decode_close("\x0f\xa0why");
  ASSERT_TRUE(close);
  EXPECT_EQ(close->code, 4000);
  EXPECT_EQ(close->reason, "why");
  EXPECT_EQ(decode_close("")->code, 0);
  EXPECT_FALSE(decode_close("\x03"));
  EXPECT_FALSE(decode_close("\x03\xe8\xff"));
}

TEST(WsEvents, KnowsItsMediaType) {
  EXPECT_TRUE(is_websocket_events("application/websocket-events"));
  EXPECT_TRUE(is_websocket_events("Application/WebSocket-Events ; charset=utf-8"));
  EXPECT_FALSE(is_websocket_events("application/websocket-events-2"));
  EXPECT_FALSE(is_websocket_events(""));
}

}  // namespace
}  // namespace holdfast
