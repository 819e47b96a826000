#include "control/api/api.h"
#include "control/api/items.h"
#include "control/api/json.h"
#include "control/api/utf8.h"
#include "tests/unit/control_support.h"

namespace holdfast::control {
namespace {

Result<Item> item_of(const std::string& json) {
  v1::Item message;
  if (const auto read = from_json(json, message); !read) return fail(read.error());
  return to_item(std::move(message), 0, {});
}

// The same faults in both shapes get the same words but for the names of fields.
TEST(ControlApi, ItemsAreHeldToTheRulesOfThePublishEndpoint) {
  const std::string long_text(126, 'x');
  const struct {
    std::string message, grip;
  } cases[] = {
      {R"({"channel":"","httpStream":{"content":"x"}})", R"({"channel":"","http-stream":{"content":"x"}})"},
      {R"({"channel":"c"})", R"({"channel":"c"})"},
      {R"({"channel":"c","httpResponse":{"code":199,"body":""}})", R"({"channel":"c","http-response":{"code":199,"body":""}})"},
      {R"({"channel":"c","httpResponse":{"reason":"a\nb","body":""}})", R"({"channel":"c","http-response":{"reason":"a\nb","body":""}})"},
      {R"({"channel":"c","httpResponse":{"headers":[{"name":"a b","value":""}],"body":""}})",
       R"({"channel":"c","http-response":{"headers":[["a b",""]],"body":""}})"},
      {R"({"channel":"c","httpResponse":{"headers":[{"name":"a","value":"\r\n"}],"body":""}})",
       R"({"channel":"c","http-response":{"headers":[["a","\r\n"]],"body":""}})"},
      {R"({"channel":"c","wsMessage":{"action":"ACTION_CLOSE","code":1006}})",
       R"({"channel":"c","ws-message":{"action":"close","code":1006}})"},
      {R"({"channel":"c","wsMessage":{"action":"ACTION_CLOSE","reason":")" + long_text + R"("}})",
       R"({"channel":"c","ws-message":{"action":"close","reason":")" + long_text + R"("}})"},
      {R"({"channel":"c","wsMessage":{"type":"WS_MESSAGE_TYPE_PING","content":")" + long_text + R"("}})",
       R"({"channel":"c","ws-message":{"type":"ping","content":")" + long_text + R"("}})"},
      {R"({"channel":"c","wsMessage":{"type":"WS_MESSAGE_TYPE_TEXT","contentBin":"/w=="}})",
       R"({"channel":"c","ws-message":{"type":"text","content-bin":"/w=="}})"},
      {R"({"channel":"c","httpStream":{}})", R"({"channel":"c","http-stream":{}})"},
      {R"({"channel":"c","httpStream":{"content":"x"},"size":"-1"})", R"({"channel":"c","http-stream":{"content":"x"},"size":-1})"},
  };
  for (const auto& c : cases) {
    const auto message = item_of(c.message);
    const auto grip = parse_items(R"({"items":[)" + c.grip + "]}");
    ASSERT_FALSE(message) << c.message;
    ASSERT_FALSE(grip) << c.grip;
    std::string text = message.error().text;
    std::replace(text.begin(), text.end(), '_', '-');
    EXPECT_EQ(text, grip.error().text);
    EXPECT_EQ(message.error().kind, grip.error().kind);
  }
}

TEST(ControlApi, WhatOnlySendNeedsIsNotLookedAtForOtherActions) {
  const auto hint = item_of(R"({"channel":"c","httpResponse":{"action":"ACTION_HINT","code":1,"reason":"\n"}})");
  ASSERT_TRUE(hint) << hint.error().text;
  EXPECT_EQ(hint->http_response->action, Action::hint);
}

TEST(ControlApi, BinaryContentIsABinaryMessageUnlessItsTypeIsGiven) {
  EXPECT_EQ(item_of(R"({"channel":"c","wsMessage":{"contentBin":"YQ=="}})")->ws_message->type, WsMessageType::binary);
  EXPECT_EQ(item_of(R"({"channel":"c","wsMessage":{"content":"a"}})")->ws_message->type, WsMessageType::text);
  EXPECT_TRUE(item_of(R"({"channel":"c","wsMessage":{"type":"WS_MESSAGE_TYPE_PONG"}})"));
}

TEST(ControlApi, AnItemComesBackAsItWasSent) {
  const std::string text =
      R"({"channel":"c","id":"i","prevId":"p","httpResponse":{"action":"ACTION_SEND","code":404,"reason":"Gone","headers":[{"name":"A","value":"b"}],"body":"x","contentFilters":{"names":["f"]}},"httpStream":{"action":"ACTION_CLOSE"},"wsMessage":{"action":"ACTION_SEND","type":"WS_MESSAGE_TYPE_BINARY","contentBin":"/w=="},"meta":{"m":"1"},"noSeq":true,"size":"7"})";
  v1::Item sent, back;
  ASSERT_TRUE(from_json(text, sent));
  const auto item = to_item(v1::Item(sent), 0, {});
  ASSERT_TRUE(item) << item.error().text;
  to_message(*item, back);
  EXPECT_EQ(to_json(back), to_json(sent));
}

TEST(ControlApi, WhatIsNoUtf8IsReplaced) {
  EXPECT_EQ(utf8_of("a\xff"), "a\xEF\xBF\xBD");
  EXPECT_EQ(utf8_of("\xC3\xBC"), "\xC3\xBC");
}

TEST(ControlApi, JsonIsReadStrictly) {
  v1::PublishRequest request;
  for (const char* text :
       {"", "{", "{items: []}", "{'items': []}", R"({"items":[],})", R"({"itemz":[]})", R"({"items":3})", "[]", "null x"})
    EXPECT_FALSE(from_json(text, request)) << text;
  EXPECT_NE(from_json(R"({"items":[{"chanel":"c"}]})", request).error().text.find("chanel"), std::string::npos);
  EXPECT_TRUE(from_json(R"({"items":[{"channel":"c","futur":null}]})", request).error().kind == ErrorKind::invalid);
}

class ApiTest : public testing::Test {
 protected:
  static v1::PublishRequest request(std::initializer_list<const char*> channels) {
    v1::PublishRequest out;
    for (const char* channel : channels) {
      auto& item = *out.add_items();
      item.set_channel(channel);
      item.mutable_http_stream()->set_content("x");
    }
    return out;
  }

  FakeBroker broker_;
  FakeNode node_;
  Metrics metrics_;
  SystemClock clock_;
  Fleet fleet_{broker_, node_, {"n1", "here", "all", "test"}, clock_, metrics_};
  Service service_{broker_, node_, fleet_, metrics_};
  Api api_{service_, Durability::primary};
};

TEST_F(ApiTest, EachItemHasItsResult) {
  broker_.judge([](const PublishRequest& request) -> Result<PublishReceipt> {
    if (request.channel == "bad") return fail(ErrorKind::unavailable, "away");
    return PublishReceipt{.position = {1, 7}, .duplicate = true};
  });
  const auto answer = api_.publish(Caller::anybody(), request({"good", "bad"}));
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->results(0).position(), format_token({{"good", {1, 7}}}));
  EXPECT_TRUE(answer->results(0).duplicate());
  EXPECT_EQ(answer->results(0).durability(), v1::DURABILITY_PRIMARY);
  EXPECT_EQ(answer->results(1).error().code(), v1::ERROR_CODE_UNAVAILABLE);
  EXPECT_EQ(answer->results(1).position(), "");
}

TEST_F(ApiTest, IfNothingIsPublishedTheCallFails) {
  broker_.judge([](const PublishRequest&) -> Result<PublishReceipt> { return fail(ErrorKind::unavailable, "away"); });
  const auto answer = api_.publish(Caller::anybody(), request({"a", "b"}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(answer.error().text, "Not published: items[0]: away; items[1]: away");
  const auto denied = api_.publish(Caller{"nobody", {}, {}, false}, request({"a"}));
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().kind, ErrorKind::denied);
}

TEST_F(ApiTest, TheRequestsKeyStandsForItemsWithoutTheirOwn) {
  std::vector<std::string> keys;
  broker_.judge([&](const PublishRequest& request) -> Result<PublishReceipt> {
    keys.push_back(request.idempotency_key);
    return PublishReceipt{.position = {1, 1}};
  });
  auto asked = request({"a", "b"});
  asked.set_idempotency_key("k");
  asked.mutable_items(1)->set_idempotency_key("own");
  ASSERT_TRUE(api_.publish(Caller::anybody(), asked));
  EXPECT_EQ(keys, (std::vector<std::string>{"k#0", "own"}));
}

TEST_F(ApiTest, AnItemOfTheRequestThatIsWrongIsNamed) {
  auto asked = request({"a", "b"});
  asked.mutable_items(1)->mutable_http_stream()->clear_payload();
  const auto answer = api_.publish(Caller::anybody(), asked);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().text, "Invalid format: items[1].http_stream: object does not contain 'content' or 'content_bin'");
  EXPECT_TRUE(broker_.channels().empty());
  EXPECT_EQ(api_.publish(Caller::anybody(), v1::PublishRequest()).error().text, "Invalid format: items: empty");
}

}  // namespace
}  // namespace holdfast::control
