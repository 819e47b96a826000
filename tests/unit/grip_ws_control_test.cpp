#include <gtest/gtest.h>

#include "gateway/grip/ws_control.h"

namespace holdfast {
namespace {

WsControl good(std::string_view json) {
  auto control = parse_ws_control(json);
  EXPECT_TRUE(control) << json << ": " << control.error().text;
  return control ? *control : WsControl{};
}

std::string fault(std::string_view json) {
  const auto control = parse_ws_control(json);
  return control ? "none" : control.error().text;
}

TEST(WsControl, ReadsSubscriptions) {
  const auto control = good(R"({"type":"subscribe","channel":"a","filters":["skip-self","x"],"more":1})");
  EXPECT_EQ(control.type, WsControl::Type::subscribe);
  EXPECT_EQ(control.channel, "a");
  EXPECT_EQ(control.filters, (std::vector<std::string>{"skip-self", "x"}));
  EXPECT_EQ(good(R"({"type":"unsubscribe","channel":"a"})").type, WsControl::Type::unsubscribe);
  EXPECT_TRUE(good(R"({"type":"subscribe","channel":"a","filters":null})").filters.empty());
}

TEST(WsControl, ReadsMetaSessionAndDetach) {
  EXPECT_EQ(good(R"({"type":"set-meta","name":"user","value":"alice"})").value, "alice");
  EXPECT_EQ(good(R"({"type":"set-meta","name":"user"})").value, std::nullopt);
  EXPECT_EQ(good(R"({"type":"session","id":"s1"})").value, "s1");
  EXPECT_EQ(good(R"({"type":"detach"})").type, WsControl::Type::detach);
  EXPECT_EQ(good(R"({"type":"flush-delayed"})").type, WsControl::Type::flush_delayed);
}

TEST(WsControl, ReadsKeepAlives) {
  const auto usual = good(R"({"type":"keep-alive","content":"."})");
  EXPECT_EQ(usual.timeout, std::chrono::seconds(55));
  EXPECT_EQ(usual.mode, KeepAliveMode::idle);
  EXPECT_EQ(usual.message_type, WsMessageType::text);
  const auto other = good(R"({"type":"keep-alive","message-type":"ping","content-bin":"AAEC","timeout":0,"mode":"interval"})");
  EXPECT_EQ(other.timeout, std::chrono::seconds(1));
  EXPECT_EQ(other.mode, KeepAliveMode::interval);
  EXPECT_EQ(other.message_type, WsMessageType::ping);
  EXPECT_EQ(*other.content, std::string("\0\1\2", 3));
  EXPECT_FALSE(good(R"({"type":"keep-alive"})").content);
}

TEST(WsControl, ReadsDelayedMessages) {
  const auto control = good(R"({"type":"send-delayed","message-type":"binary","content":"x","timeout":7})");
  EXPECT_EQ(control.timeout, std::chrono::seconds(7));
  EXPECT_EQ(control.message_type, WsMessageType::binary);
  EXPECT_EQ(good(R"({"type":"send-delayed","content":""})").timeout, std::chrono::seconds(1));
}

TEST(WsControl, SaysWhatIsWrong) {
  EXPECT_EQ(fault("{"), "not JSON");
  EXPECT_EQ(fault(""), "not JSON");
  EXPECT_EQ(fault("[]"), "not an object");
  EXPECT_EQ(fault("{}"), "type is missing");
  EXPECT_EQ(fault(R"({"type":"dance"})"), "type is unknown");
  EXPECT_EQ(fault(R"({"type":1})"), "type must be a string");
  EXPECT_EQ(fault(R"({"type":"subscribe"})"), "channel is missing");
  EXPECT_EQ(fault(R"({"type":"subscribe","channel":""})"), "channel is missing");
  EXPECT_EQ(fault(R"({"type":"subscribe","channel":7})"), "channel must be a string");
  EXPECT_EQ(fault("{\"type\":\"subscribe\",\"channel\":\"a\\nb\"}"), "channel has control characters");
  EXPECT_EQ(fault(R"({"type":"subscribe","channel":"a","filters":"x"})"), "filters must be an array");
  EXPECT_EQ(fault(R"({"type":"subscribe","channel":"a","filters":[1]})"), "filters must be an array of strings");
  EXPECT_EQ(fault(R"({"type":"set-meta","value":"x"})"), "name is missing");
  EXPECT_EQ(fault(R"({"type":"send-delayed"})"), "content is missing");
  EXPECT_EQ(fault(R"({"type":"send-delayed","content-bin":"*"})"), "content-bin is no base64");
  EXPECT_EQ(fault(R"({"type":"send-delayed","content-bin":"/w=="})"), "content is not UTF-8");
  EXPECT_EQ(fault(R"({"type":"keep-alive","message-type":"ping","content":")" + std::string(126, 'x') + "\"}"),
            "content of a ping or pong is longer than 125 bytes");
  EXPECT_EQ(fault(R"({"type":"keep-alive","mode":"often"})"), "mode is unknown");
  EXPECT_EQ(fault(std::string(65537, ' ')), "longer than 64 KiB");
}

TEST(WsControl, RefusesTimesThatAreNone) {
  for (const char* time : {"-1", "1.5", "\"5\"", "1e300", "604801", "true"}) {
    EXPECT_EQ(fault(std::string(R"({"type":"keep-alive","content":".","timeout":)") + time + "}"),
              "timeout must be whole seconds, at most a week")
        << time;
  }
}

TEST(WsControl, SurvivesDeepNesting) {
  EXPECT_EQ(fault(std::string(30000, '[') + std::string(30000, ']')), "not JSON");
  EXPECT_NE(fault(R"({"type":"subscribe","channel":)" + std::string(30000, '[')), "none");
}

TEST(GripExtension, IsFoundAmongOthers) {
  EXPECT_FALSE(parse_grip_extension({}).on);
  EXPECT_FALSE(parse_grip_extension({"permessage-deflate"}).on);
  EXPECT_TRUE(parse_grip_extension({"permessage-deflate, GRIP"}).on);
  EXPECT_EQ(parse_grip_extension({"grip"}).prefix, "m:");
  EXPECT_EQ(parse_grip_extension({"x", R"(grip; message-prefix="")"}).prefix, "");
  EXPECT_EQ(parse_grip_extension({"grip; message-prefix=>>"}).prefix, ">>");
}

}  // namespace
}  // namespace holdfast
