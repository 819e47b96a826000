#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/grip/instruct.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

Headers make(Fields fields) {
  Headers out;
  for (const auto& [name, value] : fields) out.add(name, value);
  return out;
}

Result<Instruct> parse(std::string_view json, Fields beside = {}) {
  Headers reply = make(beside);
  reply.add("Content-Type", "application/grip-instruct");
  // In memory of exactly its size, so that a sanitizer sees any look behind it.
  const std::vector<char> exact(json.begin(), json.end());
  return parse_instruct(200, "OK", reply, std::string_view(exact.data(), exact.size()));
}

Instruct good(std::string_view json, Fields beside = {}) {
  auto parsed = parse(json, beside);
  EXPECT_TRUE(parsed) << json << ": " << parsed.error().text;
  return parsed.value_or(Instruct());
}

TEST(InstructBody, AnEmptyObjectIsAnEmptyResponse) {
  const Instruct instruct = good("{}", {{"X-Lost", "1"}, {"Content-Length", "2"}});
  EXPECT_EQ(instruct.hold, HoldMode::none);
  EXPECT_EQ(instruct.status, 200);
  EXPECT_EQ(instruct.reason, "OK");
  EXPECT_TRUE(instruct.headers.empty());
  ASSERT_TRUE(instruct.body);
  EXPECT_EQ(instruct.body->view(), "");
}

TEST(InstructBody, EverythingIsRead) {
  const Instruct instruct = good(R"({
    "hold": {"mode": "stream", "timeout": 30, "later": [{}],
             "channels": [{"name": "a", "prev-id": "7", "filters": ["skip-self", "x"], "more": 1}, {"name": "b"}],
             "keep-alive": {"content": "KA\n", "timeout": 9}, "meta": {"user": "alice", "room": "7"}},
    "response": {"code": 202, "reason": "Taken", "headers": {"X-A": "1", "X-B": "ä"}, "body": "hi\n"}, "unknown": null})");
  EXPECT_EQ(instruct.hold, HoldMode::stream);
  EXPECT_EQ(instruct.timeout, seconds(30));
  ASSERT_EQ(instruct.channels.size(), 2u);
  EXPECT_EQ(instruct.channels[0].name, "a");
  EXPECT_EQ(instruct.channels[0].prev_id, "7");
  EXPECT_THAT(instruct.channels[0].filters, ElementsAre("skip-self", "x"));
  EXPECT_EQ(instruct.channels[1].name, "b");
  EXPECT_FALSE(instruct.channels[1].prev_id);
  ASSERT_TRUE(instruct.keep_alive);
  EXPECT_EQ(instruct.keep_alive->content, "KA\n");
  EXPECT_EQ(instruct.keep_alive->timeout, seconds(9));
  EXPECT_THAT(instruct.meta, ElementsAre(Pair("user", "alice"), Pair("room", "7")));
  EXPECT_EQ(instruct.status, 202);
  EXPECT_EQ(instruct.reason, "Taken");
  EXPECT_EQ(instruct.headers, make({{"X-A", "1"}, {"X-B", "ä"}}));
  EXPECT_EQ(instruct.body->view(), "hi\n");
}

TEST(InstructBody, AHoldWithoutAModeIsAResponseHold) {
  EXPECT_EQ(good(R"({"hold": {"channels": [{"name": "c"}]}})").hold, HoldMode::response);
  EXPECT_EQ(good(R"({"hold": {"mode": "response", "channels": []}})").hold, HoldMode::response);
}

TEST(InstructBody, TimeoutsHaveTheSameLeastAndDefaultAsInHeaders) {
  EXPECT_EQ(good(R"({"hold": {"channels": [], "timeout": 0}})").timeout, seconds(5));
  EXPECT_EQ(good(R"({"hold": {"channels": [], "timeout": 6}})").timeout, seconds(6));
  EXPECT_EQ(good(R"({"hold": {"channels": []}})").timeout, seconds(55));
  EXPECT_EQ(good(R"({"hold": {"channels": []}})", {{"Grip-Timeout", "20"}}).timeout, seconds(20));
}

TEST(InstructBody, WholeNumbersMayBeWrittenAsRealsOrText) {
  EXPECT_EQ(good(R"({"hold": {"channels": [], "timeout": 60.0}})").timeout, seconds(60));
  EXPECT_EQ(good(R"({"hold": {"channels": [], "timeout": "60"}})").timeout, seconds(60));
  EXPECT_EQ(good(R"({"response": {"code": "404"}})").status, 404);
}

TEST(InstructBody, KeepAliveHasDefaultsAndItsTimerIsNotStartedAgain) {
  const Instruct instruct = good(R"({"hold": {"channels": [], "keep-alive": {"content": "x"}}})");
  ASSERT_TRUE(instruct.keep_alive);
  EXPECT_EQ(instruct.keep_alive->timeout, seconds(55));
  EXPECT_EQ(instruct.keep_alive->mode, KeepAliveMode::interval);
  EXPECT_EQ(good(R"({"hold": {"channels": [], "keep-alive": {"content": "x", "mode": "idle"}}})").keep_alive->mode, KeepAliveMode::idle);
  EXPECT_EQ(good(R"({"hold": {"channels": [], "keep-alive": {"content": "x", "timeout": 0}}})").keep_alive->timeout, seconds(1));
}

TEST(InstructBody, BinaryContentComesInBase64AndGoesFirst) {
  const Instruct instruct = good(R"({"hold": {"channels": [], "keep-alive": {"content-bin": "AAFi", "content": 3}},
                                     "response": {"body-bin": "/wA=", "body": 3}})");
  EXPECT_EQ(instruct.keep_alive->content, std::string("\0\1b", 3));
  EXPECT_EQ(instruct.body->view(), std::string_view("\xff\0", 2));
}

TEST(InstructBody, KeepAliveWithoutContentIsNone) {
  EXPECT_FALSE(good(R"({"hold": {"channels": [], "keep-alive": {}}})").keep_alive);
  EXPECT_FALSE(good(R"({"hold": {"channels": [], "keep-alive": {"content": ""}}})", {{"Grip-Keep-Alive", "ka"}}).keep_alive);
}

TEST(InstructBody, GripHeadersBesideItAreReadFirst) {
  const Instruct instruct = good(R"({"hold": {"mode": "stream", "channels": [{"name": "b"}, {"name": "a", "prev-id": "2"}],
                                              "keep-alive": {"timeout": 3}, "meta": {"x": "2"}}})",
                                 {{"Grip-Hold", "response"},
                                  {"Grip-Channel", "a; prev-id=1"},
                                  {"Grip-Set-Meta", "x=1, y=1"},
                                  {"Grip-Keep-Alive", "ka; timeout=9; mode=idle"},
                                  {"Grip-Link", "</n>; rel=next"},
                                  {"Grip-Status", "203 Mine"}});
  EXPECT_EQ(instruct.hold, HoldMode::stream);
  ASSERT_EQ(instruct.channels.size(), 2u);
  EXPECT_EQ(instruct.channels[0].name, "a");
  EXPECT_EQ(instruct.channels[0].prev_id, "2");
  EXPECT_EQ(instruct.channels[1].name, "b");
  EXPECT_THAT(instruct.meta, ElementsAre(Pair("x", "2"), Pair("y", "1")));
  EXPECT_EQ(instruct.keep_alive->content, "ka");
  EXPECT_EQ(instruct.keep_alive->timeout, seconds(3));
  EXPECT_EQ(instruct.keep_alive->mode, KeepAliveMode::idle);
  EXPECT_EQ(instruct.next->uri, "/n");
  EXPECT_EQ(instruct.status, 203);
  EXPECT_EQ(instruct.reason, "Mine");
}

TEST(InstructBody, ACodeWithoutAReasonHasTheStandardOne) {
  const Instruct instruct = good(R"({"response": {"code": 404, "reason": ""}})", {{"Grip-Status", "203 Mine"}});
  EXPECT_EQ(instruct.status, 404);
  EXPECT_EQ(instruct.reason, reason_phrase(404));
  EXPECT_EQ(good(R"({"response": {"reason": "Fine"}})").reason, "Fine");
}

TEST(InstructBody, HeadersMayBePairsAndRepeat) {
  EXPECT_EQ(good(R"({"response": {"headers": [["Set-Cookie", "a"], ["Set-Cookie", "b"]]}})").headers,
            make({{"Set-Cookie", "a"}, {"Set-Cookie", "b"}}));
}

TEST(InstructBody, ItsHeadersCannotSpeakOfTheConnectionOrOfGrip) {
  EXPECT_EQ(
      good(R"({"response": {"headers": {"Grip-Hold": "x", "content-length": "9", "Transfer-Encoding": "chunked", "Connection": "close",
                                              "Keep-Alive": "1", "Content-Encoding": "gzip", "X": "1"}}})")
          .headers,
      make({{"Content-Encoding", "gzip"}, {"X", "1"}}));
}

TEST(InstructBody, ExposedHeadersDoNotLimitItsOwn) {
  EXPECT_EQ(good(R"({"response": {"headers": {"X": "1"}}})", {{"Grip-Expose-Headers", "Y"}, {"Y", "2"}}).headers, make({{"X", "1"}}));
}

TEST(InstructBody, AnErrorInAHeaderBesideItIsAnError) {
  EXPECT_FALSE(parse("{}", {{"Grip-Hold", "forever"}}));
  EXPECT_FALSE(parse("{}", {{"Grip-Status", "abc"}}));
}

TEST(InstructBody, TheStatusMustBe200AndTheBodyThere) {
  const Headers reply = make({{"Content-Type", "application/grip-instruct"}});
  const auto made = parse_instruct(201, "Created", reply, "{}");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text, HasSubstr("must have the status 200"));
  const auto missing = parse_instruct(200, "OK", reply, std::nullopt);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text, HasSubstr("body is missing"));
}

TEST(InstructBody, MoreThanTenThousandChannelsAreRefused) {
  std::string json = R"({"hold": {"channels": [{"name": "c0"})";
  for (int i = 1; i < 10'000; ++i) json += R"(,{"name":"c)" + std::to_string(i) + "\"}";
  EXPECT_EQ(good(json + "]}}").channels.size(), 10'000u);
  const auto one_more = parse(json + "]}}", {{"Grip-Channel", "d"}});
  ASSERT_FALSE(one_more);
  EXPECT_THAT(one_more.error().text, HasSubstr("hold.channels names more than 10000 channels"));
}

TEST(InstructBody, DeepNestingIsRefused) { EXPECT_FALSE(parse("{\"x\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}")); }

struct BadBody {
  std::string json;
  std::string_view text;  // a part of the error's text
};

std::string hold(std::string_view members) { return R"({"hold": {"channels": [{"name": "c"}], )" + std::string(members) + "}}"; }
std::string channel(std::string_view json) { return R"({"hold": {"channels": [{"name": "ok"}, )" + std::string(json) + "]}}"; }
std::string response(std::string_view members) { return R"({"response": {)" + std::string(members) + "}}"; }

TEST(InstructBody, EveryMistakeIsRefusedAndItsPlaceNamed) {
  const BadBody cases[] = {
      {"", "is not JSON"},
      {" ", "is not JSON"},
      {"{nope", "is not JSON"},
      {"{} {}", "is not JSON"},
      {"{\"a\": \"\xff\"}", "is not JSON"},
      {"[]", "must be a JSON object"},
      {"3", "must be a JSON object"},
      {"null", "must be a JSON object"},
      {R"({"hold": []})", "hold must be an object"},
      {R"({"hold": null})", "hold must be an object"},
      {R"({"hold": {"mode": "stream"}})", "hold has no channels"},
      {R"({"hold": {"channels": {}}})", "hold.channels must be an array"},
      {hold(R"("mode": "x")"), "hold.mode must be 'response' or 'stream', not 'x'"},
      {hold(R"("mode": 1)"), "hold.mode must be a string"},
      {hold(R"("mode": null)"), "hold.mode must be a string"},
      {channel("{}"), "hold.channels[1] has no name"},
      {channel("\"c\""), "hold.channels[1] must be an object"},
      {channel(R"({"name": 3})"), "hold.channels[1].name must be a string"},
      {channel(R"({"name": ""})"), "hold.channels[1] has no name"},
      {channel(R"({"name": "a\r\nb"})"), "hold.channels[1].name must not have control characters"},
      {channel(R"({"name": "a\u0000"})"), "hold.channels[1].name must not have control characters"},
      {channel(R"({"name": "a", "prev-id": 1})"), "hold.channels[1].prev-id must be a string"},
      {channel(R"({"name": "a", "prev-id": "1\n"})"), "hold.channels[1].prev-id must not have control characters"},
      {channel(R"({"name": "a", "filters": "x"})"), "hold.channels[1].filters must be an array"},
      {channel(R"({"name": "a", "filters": ["x", 1]})"), "hold.channels[1].filters[1] must be a string"},
      {channel(R"({"name": "a", "filters": ["\n"]})"), "hold.channels[1].filters[0] must not have control characters"},
      {channel(R"({"name": "a", "filters": ["1","2","3","4","5","6"]})"), "hold.channels[1] has more than 5 filters"},
      {hold(R"("timeout": -3)"), "hold.timeout must be a whole number of seconds, not negative"},
      {hold(R"("timeout": 1.5)"), "hold.timeout must be"},
      {hold(R"("timeout": 1e300)"), "hold.timeout must be"},
      {hold(R"("timeout": 2147483648)"), "hold.timeout must be"},
      {hold(R"("timeout": 18446744073709551615)"), "hold.timeout must be"},
      {hold(R"("timeout": "soon")"), "hold.timeout must be"},
      {hold(R"("timeout": "")"), "hold.timeout must be"},
      {hold(R"("timeout": true)"), "hold.timeout must be"},
      {hold(R"("timeout": null)"), "hold.timeout must be"},
      {hold(R"("keep-alive": 1)"), "hold.keep-alive must be an object"},
      {hold(R"("keep-alive": {"content": 1})"), "hold.keep-alive.content must be a string"},
      {hold(R"("keep-alive": {"content-bin": 1})"), "hold.keep-alive.content-bin must be a string"},
      {hold(R"("keep-alive": {"content-bin": "?"})"), "hold.keep-alive.content-bin must be base64"},
      {hold(R"("keep-alive": {"content": "x", "timeout": -1})"), "hold.keep-alive.timeout must be"},
      {hold(R"("keep-alive": {"content": "x", "mode": "never"})"), "hold.keep-alive.mode must be 'idle' or 'interval', not 'never'"},
      {hold(R"("keep-alive": {"content": "x", "mode": 1})"), "hold.keep-alive.mode must be a string"},
      {hold(R"("meta": [])"), "hold.meta must be an object"},
      {hold(R"("meta": {"a": 1})"), "hold.meta.'a' must be a string"},
      {hold(R"("meta": {"a": "\r"})"), "hold.meta.'a' must not have control characters"},
      {hold(R"("meta": {"a\n": "x"})"), "hold.meta has the bad name 'a?'"},
      {hold(R"("meta": {"": "x"})"), "hold.meta has the bad name ''"},
      {R"({"response": 1})", "response must be an object"},
      {response(R"("code": 1000)"), "response.code must be a number from 200 to 999"},
      {response(R"("code": -1)"), "response.code must be"},
      {response(R"("code": 101)"), "response.code must be"},
      {response(R"("code": "abc")"), "response.code must be"},
      {response(R"("code": [])"), "response.code must be"},
      {response(R"("reason": 1)"), "response.reason must be a string"},
      {response(R"("reason": "a\r\nX: y")"), "response.reason must not have control characters"},
      {response(R"("headers": 3)"), "response.headers must be an object or an array of pairs"},
      {response(R"("headers": [3])"), "response.headers[0] must be a pair of strings"},
      {response(R"("headers": [["a", "b"], ["a"]])"), "response.headers[1] must be a pair of strings"},
      {response(R"("headers": [["a", "b", "c"]])"), "response.headers[0] must be a pair of strings"},
      {response(R"("headers": [[1, "b"]])"), "response.headers[0] must be a pair of strings"},
      {response(R"("headers": [["a", 1]])"), "response.headers[0] must be a string"},
      {response(R"("headers": [["a b", "c"]])"), "response.headers[0] has the bad header name 'a b'"},
      {response(R"("headers": {"a": 1})"), "response.headers.'a' must be a string"},
      {response(R"("headers": {"": "x"})"), "has the bad header name ''"},
      {response(R"("headers": {"a:": "x"})"), "has the bad header name 'a:'"},
      {response(R"("headers": {"a\r\nb": "x"})"), "has the bad header name 'a??b'"},
      {response(R"("headers": {"a": "x\r\ny: z"})"), "response.headers.'a' must not have control characters"},
      {response(R"("headers": {"a": "\u0000"})"), "response.headers.'a' must not have control characters"},
      {response(R"("headers": {"Connection": "\n"})"), "must not have control characters"},
      {response(R"("body": 3)"), "response.body must be a string"},
      {response(R"("body-bin": 3)"), "response.body-bin must be a string"},
      {response(R"("body-bin": "a")"), "response.body-bin must be base64"},
  };
  for (const BadBody& bad : cases) {
    const auto parsed = parse(bad.json);
    ASSERT_FALSE(parsed) << bad.json;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
    EXPECT_THAT(parsed.error().text, HasSubstr(bad.text)) << bad.json;
  }
}

}  // namespace
}  // namespace holdfast
