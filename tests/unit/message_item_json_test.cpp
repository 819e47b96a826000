#include <gtest/gtest.h>

#include "gateway/message/item_json.h"

namespace holdfast {
namespace {

std::string items(std::string_view item) { return R"({"items":[)" + std::string(item) + "]}"; }

Item read(std::string_view item) {
  auto out = parse_items(items(item));
  if (!out) {
    ADD_FAILURE() << item << ": " << out.error().text;
    return {};
  }
  EXPECT_EQ(out->size(), 1u);
  return out->front();
}

std::string fault(std::string_view item, ErrorKind kind = ErrorKind::invalid, const ItemLimits& limits = {}) {
  auto out = parse_items(items(item), limits);
  if (out) return "accepted";
  EXPECT_EQ(out.error().kind, kind) << item;
  return out.error().text;
}

std::string response(std::string_view fields) { return R"({"channel":"c","formats":{"http-response":{)" + std::string(fields) + "}}}"; }
std::string stream(std::string_view fields) { return R"({"channel":"c","formats":{"http-stream":{)" + std::string(fields) + "}}}"; }
std::string message(std::string_view fields) { return R"({"channel":"c","formats":{"ws-message":{)" + std::string(fields) + "}}}"; }
std::string item(std::string_view fields) { return R"({"channel":"c","http-stream":{"content":"x"},)" + std::string(fields) + "}"; }

TEST(ItemJson, ReadsEveryFieldOfAnItem) {
  const Item out = read(R"({"channel":"news","id":"7","prev-id":"6","meta":{"sender":"bob","a":""},"size":12,"no-seq":true,"formats":{
    "http-response":{"code":201,"reason":"Fine","headers":[["A","1"],["a","2"]],"body":"hello","content-filters":["build-id"]},
    "http-stream":{"content":"piece","content-filters":[]},
    "ws-message":{"type":"binary","content":"frame"}}})");
  EXPECT_EQ(out.channel, "news");
  EXPECT_EQ(out.id, "7");
  EXPECT_EQ(out.prev_id, "6");
  EXPECT_EQ(out.meta, (Meta{{"sender", "bob"}, {"a", ""}}));
  EXPECT_EQ(out.size, 12);
  EXPECT_TRUE(out.no_seq);
  ASSERT_TRUE(out.http_response && out.http_stream && out.ws_message);
  EXPECT_EQ(out.http_response->code, 201);
  EXPECT_EQ(out.http_response->reason, "Fine");
  EXPECT_EQ(out.http_response->headers.size(), 2u);
  EXPECT_EQ(out.http_response->headers.all("A"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_EQ(out.http_response->body.view(), "hello");
  EXPECT_EQ(out.http_response->content_filters, std::vector<std::string>{"build-id"});
  EXPECT_TRUE(out.http_response->has_content_filters);
  EXPECT_EQ(out.http_stream->content.view(), "piece");
  EXPECT_TRUE(out.http_stream->has_content_filters);
  EXPECT_EQ(out.ws_message->type, WsMessageType::binary);
  EXPECT_EQ(out.ws_message->content.view(), "frame");
  EXPECT_FALSE(out.ws_message->has_content_filters);
}

TEST(ItemJson, DefaultsAreThoseOfTheProtocol) {
  const Item out = read(R"({"channel":"c","formats":{"http-response":{"body":""},"ws-message":{"content":"x"}}})");
  EXPECT_FALSE(out.id || out.prev_id || out.http_stream || out.no_seq);
  EXPECT_EQ(out.size, -1);
  EXPECT_TRUE(out.meta.empty());
  EXPECT_EQ(out.http_response->action, Action::send);
  EXPECT_EQ(out.http_response->code, 200);
  EXPECT_EQ(out.http_response->reason, "");
  EXPECT_TRUE(out.http_response->body.empty());
  EXPECT_FALSE(out.http_response->body_patch);
  EXPECT_EQ(out.ws_message->type, WsMessageType::text);
}

TEST(ItemJson, FormatsMayStandInTheItemItself) {
  const Item out = read(R"({"channel":"c","http-stream":{"content":"old"},"http-response":{"body":"b"},"ws-message":{"content":"w"}})");
  EXPECT_EQ(out.http_stream->content.view(), "old");
  EXPECT_EQ(out.http_response->body.view(), "b");
  EXPECT_EQ(out.ws_message->content.view(), "w");
}

TEST(ItemJson, FormatsInTheItemAreIgnoredBesideAFormatsObject) {
  EXPECT_FALSE(read(R"({"channel":"c","http-stream":3,"formats":{"ws-message":{"content":"w"}}})").http_stream);
}

TEST(ItemJson, UnknownKeysAndFormatsAreIgnored) {
  const Item out = read(R"({"channel":"c","x":[{}],"formats":{"smoke-signal":7,"http-stream":{"content":"y","z":null}}})");
  EXPECT_EQ(out.http_stream->content.view(), "y");
  const Item none = read(R"({"channel":"c","formats":{"smoke-signal":7}})");
  EXPECT_FALSE(none.http_stream || none.http_response || none.ws_message);
}

TEST(ItemJson, NullIsTheSameAsAbsentForOptionalText) {
  const Item out = read(
      R"({"channel":"c","id":null,"prev-id":null,"meta":null,"formats":null,"http-response":{"action":null,"reason":null,"body":"x"}})");
  EXPECT_FALSE(out.id || out.prev_id);
  EXPECT_EQ(out.http_response->body.view(), "x");
}

TEST(ItemJson, TheLastOfTwoEqualKeysCounts) {
  const Item out = read(R"({"channel":"a","channel":"b","meta":{"k":"1","k":"2"},"http-stream":{"content":"x","content":"y"}})");
  EXPECT_EQ(out.channel, "b");
  EXPECT_EQ(out.meta.at("k"), "2");
  EXPECT_EQ(out.http_stream->content.view(), "y");
}

TEST(ItemJson, BinaryContentIsDecodedAndGoesFirst) {
  EXPECT_EQ(read(stream(R"("content":3,"content-bin":"AP96")")).http_stream->content.view(), std::string_view("\0\xffz", 3));
  EXPECT_EQ(read(response(R"("body":3,"body-bin":"AP96")")).http_response->body.view(), std::string_view("\0\xffz", 3));
  const auto frame = *read(message(R"("content-bin":"AP96")")).ws_message;
  EXPECT_EQ(frame.content.view(), std::string_view("\0\xffz", 3));
  EXPECT_EQ(frame.type, WsMessageType::binary);
  EXPECT_EQ(read(message(R"("content-bin":"aGk=","type":"text")")).ws_message->type, WsMessageType::text);
}

TEST(ItemJson, ContentMayHoldAnyCharacter) {
  EXPECT_EQ(read(stream(R"("content":"a\u0000\r\n\u20ac")")).http_stream->content.view(), std::string_view("a\0\r\n\xe2\x82\xac", 7));
}

TEST(ItemJson, HeadersMayBeAnObject) {
  EXPECT_EQ(read(response(R"("body":"","headers":{"X-A":"1\t2","X-B":""})")).http_response->headers.get("x-a"), "1\t2");
}

TEST(ItemJson, NumbersInStringsAreConverted) {
  EXPECT_EQ(read(response(R"("code":"404","body":"")")).http_response->code, 404);
  EXPECT_EQ(read(response(R"("code":404.0,"body":"")")).http_response->code, 404);
  EXPECT_EQ(read(item(R"("size":"12")")).size, 12);
  EXPECT_EQ(read(message(R"("action":"close","code":"4001")")).ws_message->close_code, 4001);
}

TEST(ItemJson, ABodyPatchIsKeptAsJson) {
  const auto out = *read(response(R"("body-patch":[ {"op": "replace", "path": "/a", "value": {"z":1,"a":[true,null]}} ])")).http_response;
  EXPECT_EQ(out.body_patch, R"([{"op":"replace","path":"/a","value":{"z":1,"a":[true,null]}}])");
  EXPECT_FALSE(read(response(R"("body-patch":[],"body":"x")")).http_response->body_patch);
}

TEST(ItemJson, OtherActionsNeedNoContent) {
  for (const auto& [word, action] : {std::pair{"hint", Action::hint}, {"close", Action::close}, {"refresh", Action::refresh}}) {
    const std::string field = R"("action":")" + std::string(word) + "\"";
    EXPECT_EQ(read(response(field)).http_response->action, action);
    EXPECT_EQ(read(stream(field)).http_stream->action, action);
    EXPECT_EQ(read(message(field)).ws_message->action, action);
  }
}

TEST(ItemJson, ACloseHasACodeAndAReason) {
  const auto out = *read(message(R"("action":"close","code":4010,"reason":"kicked")")).ws_message;
  EXPECT_EQ(out.close_code, 4010);
  EXPECT_EQ(out.close_reason, "kicked");
  EXPECT_EQ(read(message(R"("action":"close")")).ws_message->close_code, 0);
}

TEST(ItemJson, PingsNeedNoContent) {
  EXPECT_EQ(read(message(R"("type":"ping")")).ws_message->type, WsMessageType::ping);
  EXPECT_EQ(read(message(R"("type":"pong","content":"x")")).ws_message->content.view(), "x");
}

TEST(ItemJson, AnEmptyListIsNoError) { EXPECT_TRUE(parse_items(R"({"items":[]})")->empty()); }

TEST(ItemJson, WholeTextsThatAreNoPublishHaveFixedAnswers) {
  const std::string deep(100'000, '[');
  const std::pair<std::string, std::string> cases[] = {
      {"", "Body is not valid JSON."},
      {" ", "Body is not valid JSON."},
      {"{nope", "Body is not valid JSON."},
      {"{} x", "Body is not valid JSON."},
      {R"({"items":[],"x":nope})", "Body is not valid JSON."},
      {"{\"items\":\"\xff\"}", "Body is not valid JSON."},
      {std::string("{}\0", 3), "Body is not valid JSON."},
      {deep, "Body is not valid JSON."},
      {"{\"a\":" + deep, "Body is not valid JSON."},
      {deep + std::string(100'000, ']'), "Body is not valid JSON."},
      {"[]", "Invalid format."},
      {"3", "Invalid format."},
      {"\"items\"", "Invalid format."},
      {"null", "Invalid format."},
      {"{}", "Invalid format: object does not contain 'items'"},
      {R"({"Items":[]})", "Invalid format: object does not contain 'items'"},
      {R"({"items":3})", "Invalid format: object contains 'items' with wrong type"},
      {R"({"items":{}})", "Invalid format: object contains 'items' with wrong type"},
      {R"({"items":null})", "Invalid format: object contains 'items' with wrong type"},
  };
  for (const auto& [json, text] : cases) {
    auto out = parse_items(json);
    ASSERT_FALSE(out) << json.substr(0, 60);
    EXPECT_EQ(out.error().kind, ErrorKind::invalid);
    EXPECT_EQ(out.error().text, text) << json.substr(0, 60);
  }
}

TEST(ItemJson, EachFaultNamesTheItemAndTheField) {
  const std::string r = "Invalid format: items[0].formats.http-response";
  const std::string s = "Invalid format: items[0].formats.http-stream";
  const std::string w = "Invalid format: items[0].formats.ws-message";
  const std::pair<std::string, std::string> cases[] = {
      {"3", "Invalid format: items[0]: not an object"},
      {"null", "Invalid format: items[0]: not an object"},
      {R"({"http-stream":{"content":"x"}})", "Invalid format: items[0]: object does not contain 'channel'"},
      {R"({"channel":3,"http-stream":{"content":"x"}})", "Invalid format: items[0].channel: wrong type"},
      {R"({"channel":null,"http-stream":{"content":"x"}})", "Invalid format: items[0].channel: wrong type"},
      {R"({"channel":"","http-stream":{"content":"x"}})", "Invalid format: items[0].channel: empty"},
      {R"({"channel":"c"})", "Invalid format: items[0]: no formats specified"},
      {R"({"channel":"c","formats":{}})", "Invalid format: items[0].formats: no formats specified"},
      {R"({"channel":"c","formats":[]})", "Invalid format: items[0].formats: not an object"},
      {R"({"channel":"c","formats":{"http-stream":null}})", s + ": not an object"},
      {R"({"channel":"c","http-stream":[]})", "Invalid format: items[0].http-stream: not an object"},
      {R"({"channel":"c","http-stream":{"content":3}})", "Invalid format: items[0].http-stream.content: wrong type"},
      {item(R"("id":3)"), "Invalid format: items[0].id: wrong type"},
      {item(R"("prev-id":[])"), "Invalid format: items[0].prev-id: wrong type"},
      {item(R"("meta":[])"), "Invalid format: items[0].meta: not an object"},
      {item(R"("meta":{"a":1})"), "Invalid format: items[0].meta.a: wrong type"},
      {item(R"("meta":{"a\nb":1})"), "Invalid format: items[0].meta.?: wrong type"},
      {item(R"("size":-1)"), "Invalid format: items[0].size: invalid value"},
      {item(R"("size":1.5)"), "Invalid format: items[0].size: wrong type"},
      {item(R"("size":null)"), "Invalid format: items[0].size: wrong type"},
      {item(R"("size":18446744073709551615)"), "Invalid format: items[0].size: wrong type"},
      {item(R"("size":"99999999999999999999")"), "Invalid format: items[0].size: not a number"},
      {item(R"("no-seq":"yes")"), "Invalid format: items[0].no-seq: wrong type"},
      {item(R"("no-seq":1)"), "Invalid format: items[0].no-seq: wrong type"},
      {stream(""), s + ": object does not contain 'content' or 'content-bin'"},
      {stream(R"("content":3)"), s + ".content: wrong type"},
      {stream(R"("content":null)"), s + ".content: wrong type"},
      {stream(R"("content-bin":3)"), s + ".content-bin: wrong type"},
      {stream(R"("content-bin":"!!!!")"), s + ".content-bin: not base64"},
      {stream(R"("content-bin":"QQ")"), s + ".content-bin: not base64"},
      {stream(R"("action":"explode")"), s + ".action: unknown value"},
      {stream(R"("action":3,"content":"x")"), s + ".action: wrong type"},
      {stream(R"("content":"x","content-filters":"build-id")"), s + ".content-filters: wrong type"},
      {stream(R"("content":"x","content-filters":["a",3])"), s + ".content-filters[1]: wrong type"},
      {response(""), r + ": object does not contain 'body', 'body-bin', or 'body-patch'"},
      {response(R"("code":1000,"body":"")"), r + ".code: invalid value"},
      {response(R"("code":199,"body":"")"), r + ".code: invalid value"},
      {response(R"("code":-1,"body":"")"), r + ".code: invalid value"},
      {response(R"("code":[],"body":"")"), r + ".code: wrong type"},
      {response(R"("code":true,"body":"")"), r + ".code: wrong type"},
      {response(R"("code":200.5,"body":"")"), r + ".code: wrong type"},
      {response(R"("code":"abc","body":"")"), r + ".code: not a number"},
      {response(R"("code":"","body":"")"), r + ".code: not a number"},
      {response(R"("reason":3,"body":"")"), r + ".reason: wrong type"},
      {response(R"("reason":"a\r\nB: c","body":"")"), r + ".reason: control characters"},
      {response(R"("reason":"a\u0000","body":"")"), r + ".reason: control characters"},
      {response(R"("headers":"A: b","body":"")"), r + ".headers: wrong type"},
      {response(R"("headers":null,"body":"")"), r + ".headers: wrong type"},
      {response(R"("headers":[["a","b"],3],"body":"")"), r + ".headers[1]: wrong type"},
      {response(R"("headers":[["a"]],"body":"")"), r + ".headers[0]: not a pair of name and value"},
      {response(R"("headers":[[]],"body":"")"), r + ".headers[0]: not a pair of name and value"},
      {response(R"("headers":[["a","b","c"]],"body":"")"), r + ".headers[0]: not a pair of name and value"},
      {response(R"("headers":[[3,"b"]],"body":"")"), r + ".headers[0]: wrong type"},
      {response(R"("headers":[["a",3]],"body":"")"), r + ".headers[0]: wrong type"},
      {response(R"("headers":[["a b","c"]],"body":"")"), r + ".headers[0]: bad header name"},
      {response(R"("headers":[["","c"]],"body":"")"), r + ".headers[0]: bad header name"},
      {response(R"("headers":[["a\r\nb","c"]],"body":"")"), r + ".headers[0]: bad header name"},
      {response(R"("headers":[["a","b\r\nC: d"]],"body":"")"), r + ".headers[0]: control characters"},
      {response(R"("headers":{"a":3},"body":"")"), r + ".headers.a: wrong type"},
      {response(R"("headers":{"a":"b\nc"},"body":"")"), r + ".headers.a: control characters"},
      {response(R"("headers":{"a":"b\u0000"},"body":"")"), r + ".headers.a: control characters"},
      {response(R"("headers":{"a:":"b"},"body":"")"), r + ".headers.?: bad header name"},
      {response(R"("body":3)"), r + ".body: wrong type"},
      {response(R"("body-bin":"=")"), r + ".body-bin: not base64"},
      {response(R"("body-bin":[])"), r + ".body-bin: wrong type"},
      {response(R"("body-patch":{})"), r + ".body-patch: wrong type"},
      {response(R"("body-patch":"[]")"), r + ".body-patch: wrong type"},
      {response(R"("body":"","content-filters":[null])"), r + ".content-filters[0]: wrong type"},
      {response(R"("action":"explode","body":"")"), r + ".action: unknown value"},
      {message(""), w + ": object does not contain 'content' or 'content-bin'"},
      {message(R"("type":"gif","content":"x")"), w + ".type: unknown value"},
      {message(R"("type":3,"content":"x")"), w + ".type: wrong type"},
      {message(R"("content":[])"), w + ".content: wrong type"},
      {message(R"("content-bin":"*")"), w + ".content-bin: not base64"},
      {message(R"("content-bin":"AP96","type":"text")"), w + ".content-bin: not UTF-8"},
      {message(R"("content":"x","content-filters":{})"), w + ".content-filters: wrong type"},
      {message(R"("action":"close","code":1005)"), w + ".code: invalid value"},
      {message(R"("action":"close","code":5000)"), w + ".code: invalid value"},
      {message(R"("action":"close","code":-1)"), w + ".code: invalid value"},
      {message(R"("action":"close","code":"abc")"), w + ".code: not a number"},
      {message(R"("action":"close","code":{})"), w + ".code: wrong type"},
      {message(R"("action":"close","reason":3)"), w + ".reason: wrong type"},
      {message(R"("action":"explode")"), w + ".action: unknown value"},
  };
  for (const auto& [json, text] : cases) {
    EXPECT_EQ(fault(json), text) << json;
  }
}

TEST(ItemJson, OneBadItemFailsAllAndIsNamedByItsIndex) {
  const std::string good = R"({"channel":"c","http-stream":{"content":"x"}})";
  EXPECT_EQ(fault(good + "," + good + R"(,{"http-stream":{"content":"x"}})"),
            "Invalid format: items[2]: object does not contain 'channel'");
}

TEST(ItemJson, ControlFramesAreShort) {
  const std::string long_ping = message(R"("type":"ping","content":")" + std::string(126, 'x') + "\"");
  EXPECT_EQ(fault(long_ping, ErrorKind::too_large), "Invalid format: items[0].formats.ws-message.content: more than 125 bytes");
  const std::string long_reason = message(R"("action":"close","reason":")" + std::string(124, 'x') + "\"");
  EXPECT_EQ(fault(long_reason, ErrorKind::too_large), "Invalid format: items[0].formats.ws-message.reason: more than 123 bytes");
}

TEST(ItemJson, LimitsAreNamed) {
  const ItemLimits limits{2, 10, 3};
  const auto large = ErrorKind::too_large;
  const std::string s = R"({"channel":"c","http-stream":{"content":")";
  EXPECT_EQ(fault(s + R"(1234567890"}})", large, limits), "accepted");
  EXPECT_EQ(fault(s + R"(12345678901"}})", large, limits), "Invalid format: items[0].http-stream.content: more than 10 bytes");
  EXPECT_EQ(fault(s + R"(1234567890"},"id":"1"})", large, limits), "Invalid format: items[0]: more than 10 bytes");
  EXPECT_EQ(fault(s + R"(x"},"meta":{"12345":"12345"}})", large, limits), "Invalid format: items[0]: more than 10 bytes");
  EXPECT_EQ(fault(s + R"(x"},"http-response":{"body-patch":[{"op":"remove"}]}})", large, limits),
            "Invalid format: items[0]: more than 10 bytes");
  EXPECT_EQ(fault(R"({"channel":"long","http-stream":{"content":""}})", large, limits),
            "Invalid format: items[0].channel: more than 3 bytes");
  const std::string one = s + "\"}}";
  EXPECT_EQ(fault(one + "," + one, large, limits), "accepted");
  EXPECT_EQ(fault(one + "," + one + "," + one, large, limits), "Invalid format: object contains 'items' with more than 2 elements");
}

TEST(ItemJson, HugeBase64IsRefusedBeforeItIsDecoded) {
  const std::string huge = stream(R"("content-bin":")" + std::string(4'000'000, 'A') + "\"");
  EXPECT_EQ(fault(huge, ErrorKind::too_large), "Invalid format: items[0].formats.http-stream.content-bin: more than 1000000 bytes");
}

TEST(ItemJson, LargeTextsAreReadLikeSmallOnes) {
  const std::string content(900'000, 'x');
  EXPECT_EQ(read(stream(R"("content":")" + content + "\"")).http_stream->content.size(), content.size());
}

TEST(ItemJson, NestingInAPatchIsBoundedByTheParser) {
  const std::string deep = std::string(900, '[') + std::string(900, ']');
  EXPECT_EQ(read(response(R"("body-patch":)" + deep)).http_response->body_patch, deep);
}

TEST(ItemJson, OneItemAloneTakesItsChannelFromTheCallerIfGiven) {
  EXPECT_EQ(parse_item(R"({"http-stream":{"content":"x"}})", {}, "here")->channel, "here");
  EXPECT_EQ(parse_item(R"({"channel":"there","http-stream":{"content":"x"}})", {}, "here")->channel, "here");
  EXPECT_EQ(parse_item(R"({"channel":"there","http-stream":{"content":"x"}})")->channel, "there");
  EXPECT_EQ(parse_item(R"({"http-stream":{"content":"x"}})").error().text, "Invalid format: item: object does not contain 'channel'");
  EXPECT_EQ(parse_item("[]").error().text, "Invalid format: item: not an object");
  EXPECT_EQ(parse_item("{nope").error().text, "Body is not valid JSON.");
  EXPECT_EQ(parse_item(R"({"http-stream":{}})", {}, std::string(1025, 'c')).error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace holdfast
