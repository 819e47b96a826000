#include <set>

#include "net_websocket_frames.h"

namespace holdfast {
namespace {

using namespace std::string_literals;
using namespace ws_test;

std::string content_of(std::string_view bytes, WsSide reader_side) { return read(bytes, {reader_side, {}, {}}).text(); }

TEST(WsWriting, WritesTheExamplesOfTheSpecification) {
  EXPECT_EQ(ws_frame({WsOpcode::text, true, false}, "Hello", WsSide::server), "\x81\x05Hello");
  EXPECT_EQ(ws_frame({WsOpcode::text, false, false}, "Hel", WsSide::server), "\x01\x03Hel");
  EXPECT_EQ(ws_frame({WsOpcode::continuation, true, false}, "lo", WsSide::server), "\x80\x02lo");
  EXPECT_EQ(ws_frame({WsOpcode::ping, true, false}, "Hello", WsSide::server), "\x89\x05Hello");
  EXPECT_EQ(ws_frame({WsOpcode::binary, true, false}, std::string(256, 'a'), WsSide::server), "\x82\x7e\x01\x00"s + std::string(256, 'a'));
  EXPECT_EQ(ws_frame({WsOpcode::binary, true, false}, std::string(65536, 'a'), WsSide::server),
            "\x82\x7f\0\0\0\0\0\x01\0\0"s + std::string(65536, 'a'));
  EXPECT_EQ(ws_frame({WsOpcode::text, true, true}, "\xf2\x48\xcd\xc9\xc9\x07\x00"s, WsSide::server),
            "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s);
}

TEST(WsWriting, IsReadByTheOtherSideAtEverySize) {
  for (size_t size = 0; size < 300; ++size) {
    const std::string content = prose(size);
    for (const WsSide side : {WsSide::server, WsSide::client}) {
      const WsSide other = side == WsSide::server ? WsSide::client : WsSide::server;
      EXPECT_EQ(content_of(ws_frame({WsOpcode::text, true, false}, content, side), other), "text(" + content + ")") << size;
    }
  }
  for (const size_t size : {size_t{65535}, size_t{65536}, size_t{100'001}}) {
    const std::string content(size, 'x');
    EXPECT_EQ(content_of(ws_frame({WsOpcode::binary, true, false}, content, WsSide::client), WsSide::server), "binary(" + content + ")");
  }
}

TEST(WsWriting, ClientsMaskEachFrameWithAnotherKey) {
  std::set<std::string> masks;
  for (int i = 0; i < 50; ++i) masks.insert(ws_frame({}, std::string(20, '\0'), WsSide::client).substr(2, 4));
  EXPECT_GE(masks.size(), 49U);
}

TEST(WsWriting, WritesCloseFramesThatAreGood) {
  EXPECT_EQ(ws_close_frame(0, "ignored", WsSide::server), "\x88\x00"s);
  EXPECT_EQ(ws_close_frame(1000, "", WsSide::server), "\x88\x02\x03\xe8"s);
  EXPECT_EQ(content_of(ws_close_frame(1001, "bye", WsSide::client), WsSide::server), "close(1001 bye)");
  EXPECT_EQ(content_of(ws_close_frame(1001, std::string(123, 'a'), WsSide::server), WsSide::client),
            "close(1001 " + std::string(123, 'a') + ")");
  EXPECT_EQ(content_of(ws_close_frame(1001, std::string(124, 'a'), WsSide::server), WsSide::client),
            "close(1001 " + std::string(123, 'a') + ")");
  for (size_t before = 119; before <= 123; ++before) {
    const std::string start(before, 'a');
    const std::string told = content_of(ws_close_frame(1001, start + "\xf0\x9f\x98\x80 more", WsSide::server), WsSide::client);
    EXPECT_EQ(told, "close(1001 " + start + (before == 119 ? "\xf0\x9f\x98\x80" : "") + ")") << before;
  }
}

TEST(WsWriting, KnowsTheOpcodeOfEachType) {
  EXPECT_EQ(opcode_of(WsMessageType::text), WsOpcode::text);
  EXPECT_EQ(opcode_of(WsMessageType::binary), WsOpcode::binary);
  EXPECT_EQ(opcode_of(WsMessageType::ping), WsOpcode::ping);
  EXPECT_EQ(opcode_of(WsMessageType::pong), WsOpcode::pong);
}

}  // namespace
}  // namespace holdfast
