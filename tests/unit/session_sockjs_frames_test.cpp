#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/session/sockjs/sockjs_frames.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Outcome = SockjsAssembler::Outcome;

TEST(SockjsFrames, MessagesAreStringsInAnArray) {
  EXPECT_EQ(sockjs_messages(sockjs_quote("x")), R"(a["x"])");
  EXPECT_EQ(sockjs_messages(sockjs_quote("a\"\\\n\0b\x1f") + "," + sockjs_quote("é")), "a[\"a\\\"\\\\\\n\",\"é\"]");
  EXPECT_EQ(sockjs_quote(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(SockjsFrames, BytesThatAreNoTextAreReplaced) { EXPECT_EQ(sockjs_quote("a\xff"), "\"a\xef\xbf\xbd\""); }

TEST(SockjsFrames, ACloseHasACodeAndAReason) {
  EXPECT_EQ(sockjs_close(3000, "Go away!"), R"(c[3000,"Go away!"])");
  EXPECT_EQ(sockjs_close(2010, "\""), R"(c[2010,"\""])");
}

TEST(SockjsFrames, ClientsSendStringsOrOneString) {
  EXPECT_THAT(*parse_sockjs_messages(R"(["a","b\n"])"), ElementsAre("a", "b\n"));
  EXPECT_THAT(*parse_sockjs_messages(R"("a")"), ElementsAre("a"));
  EXPECT_THAT(*parse_sockjs_messages("[]"), IsEmpty());
  for (const auto* text : {"", "[", "a", R"(["a")", R"(["a",1])", R"({"a":"b"})", "1", "null", "[[\"a\"]]", "[\"\xff\"]", R"(["a"] x)"}) {
    EXPECT_FALSE(parse_sockjs_messages(text)) << text;
  }
  EXPECT_FALSE(parse_sockjs_messages(std::string(1 << 20, '[')));
}

TEST(SockjsFrames, AFormsContentIsItsFieldD) {
  constexpr std::string_view kForm = "application/x-www-form-urlencoded; charset=UTF-8";
  EXPECT_EQ(sockjs_form_content(kForm, "d=%5B%22a+b%22%5D"), R"(["a b"])");
  EXPECT_EQ(sockjs_form_content(kForm, "x=1&d=%22%22"), R"("")");
  EXPECT_EQ(sockjs_form_content(kForm, "d="), std::nullopt);
  EXPECT_EQ(sockjs_form_content(kForm, "dd=1"), std::nullopt);
  EXPECT_EQ(sockjs_form_content(kForm, ""), std::nullopt);
  EXPECT_EQ(sockjs_form_content("text/plain", R"(["%20"])"), R"(["%20"])");
  EXPECT_EQ(sockjs_form_content("text/plain", ""), std::nullopt);
}

TEST(SockjsFrames, TransportsCarryFrames) {
  EXPECT_EQ(wrap_sockjs_frame(SockjsTransport::xhr, "", "o"), "o\n");
  EXPECT_EQ(wrap_sockjs_frame(SockjsTransport::xhr_streaming, "", "h"), "h\n");
  EXPECT_EQ(wrap_sockjs_frame(SockjsTransport::eventsource, "", R"(a["x"])"), "data: a[\"x\"]\r\n\r\n");
  EXPECT_EQ(wrap_sockjs_frame(SockjsTransport::jsonp, "cb", "a[\"\xe2\x80\xa8\"]"), "/**/cb(\"a[\\\"\\u2028\\\"]\");\r\n");
}

TEST(SockjsFrames, StreamsBeginWithAPrelude) {
  EXPECT_EQ(sockjs_prelude(SockjsTransport::xhr_streaming), std::string(2048, 'h') + "\n");
  EXPECT_EQ(sockjs_prelude(SockjsTransport::eventsource), "\r\n");
  EXPECT_EQ(sockjs_prelude(SockjsTransport::xhr), "");
}

TEST(SockjsFrames, ACallbackIsANameOnly) {
  EXPECT_TRUE(is_sockjs_callback("_jp.a9"));
  for (const auto* text : {"", "a b", "a(", "a;b", "a[0]", "a%20", "<x>"}) EXPECT_FALSE(is_sockjs_callback(text)) << text;
  EXPECT_FALSE(is_sockjs_callback(std::string(129, 'a')));
}

TEST(SockjsAssembler, PartsBecomeOneMessage) {
  SockjsAssembler assembler;
  EXPECT_EQ(assembler.take(WsMessageType::text, "\xc3", true, false), Outcome::more);
  EXPECT_EQ(assembler.take(WsMessageType::text, "\xa9", false, false), Outcome::more);
  EXPECT_EQ(assembler.take(WsMessageType::text, "!", false, true), Outcome::message);
  EXPECT_EQ(assembler.quoted(), "\"é!\"");
  EXPECT_EQ(assembler.take(WsMessageType::text, "", true, true), Outcome::message);
  EXPECT_EQ(assembler.quoted(), "\"\"");
}

TEST(SockjsAssembler, BinaryIsTextIfItCanBe) {
  SockjsAssembler assembler;
  EXPECT_EQ(assembler.take(WsMessageType::binary, "text", true, true), Outcome::message);
  EXPECT_EQ(assembler.take(WsMessageType::binary, "\xff", true, true), Outcome::nothing);
  EXPECT_EQ(assembler.take(WsMessageType::binary, "\xc3", true, false), Outcome::more);
  EXPECT_EQ(assembler.take(WsMessageType::binary, "\xa9", false, true), Outcome::message);
}

TEST(SockjsAssembler, AMessageIsBounded) {
  SockjsAssembler assembler;
  const std::string half(SockjsAssembler::kMost / 2, 'x');
  EXPECT_EQ(assembler.take(WsMessageType::text, half, true, false), Outcome::more);
  EXPECT_EQ(assembler.take(WsMessageType::text, half, false, false), Outcome::more);
  EXPECT_EQ(assembler.take(WsMessageType::text, "x", false, true), Outcome::too_big);
  EXPECT_EQ(assembler.take(WsMessageType::text, half, true, true), Outcome::message);
}

}  // namespace
}  // namespace holdfast
