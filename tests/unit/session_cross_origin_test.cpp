#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/session/cross_origin.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

Headers make(std::vector<Headers::Field> fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

// ---- CORS

TEST(Cors, AnOriginIsAllowedWithCredentials) {
  auto response = make({{"Content-Type", "text/plain"}, {"X-Custom", "1"}, {"x-custom", "2"}, {"ETag", "e"}, {"Set-Cookie", "c"}});
  add_cors(make({{"Origin", "http://a.example"}}), response);
  EXPECT_EQ(response.get("Access-Control-Allow-Origin"), "http://a.example");
  EXPECT_EQ(response.get("Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(response.get("Access-Control-Allow-Methods"), "OPTIONS, HEAD, GET, POST, PUT, DELETE");
  EXPECT_EQ(response.get("Access-Control-Expose-Headers"), "X-Custom, ETag");
  EXPECT_EQ(response.get("Access-Control-Max-Age"), "3600");
  EXPECT_FALSE(response.has("Access-Control-Allow-Headers"));
}

TEST(Cors, WithoutAnOriginEverybodyIsAllowed) {
  Headers response;
  add_cors({}, response);
  EXPECT_EQ(response.get("Access-Control-Allow-Origin"), "*");
  EXPECT_FALSE(response.has("Access-Control-Expose-Headers"));
  EXPECT_FALSE(response.has("Vary"));
}

TEST(Cors, APreflightGetsWhatItAsksFor) {
  Headers response;
  add_cors(make({{"Access-Control-Request-Method", "PATCH"},
                 {"Access-Control-Request-Headers", "X-One, X-Two"},
                 {"access-control-request-headers", " "},
                 {"Access-Control-Request-Headers", "X-Three"}}),
           response);
  EXPECT_EQ(response.get("Access-Control-Allow-Methods"), "PATCH");
  EXPECT_EQ(response.get("Access-Control-Allow-Headers"), "X-One, X-Two, X-Three");
}

TEST(Cors, TheBackendsOwnHeadersAreLeftAlone) {
  const std::vector<Headers::Field> own = {{"access-control-allow-origin", "http://b.example"},
                                           {"Access-Control-Allow-Methods", "GET"},
                                           {"Access-Control-Allow-Headers", "X"},
                                           {"Access-Control-Expose-Headers", "Y"},
                                           {"Access-Control-Allow-Credentials", "false"},
                                           {"Access-Control-Max-Age", "1"}};
  auto response = make(own);
  add_cors(make({{"Origin", "http://a.example"}, {"Access-Control-Request-Headers", "Z"}}), response);
  EXPECT_EQ(response, make(own));
}

TEST(Cors, CachesAreToldThatTheAnswerIsForOneOrigin) {
  const auto vary = [](std::vector<Headers::Field> before) {
    auto response = make(std::move(before));
    add_cors(make({{"Origin", "http://a.example"}}), response);
    std::vector<std::string> values;
    for (const auto value : response.all("Vary")) values.emplace_back(value);
    return values;
  };
  EXPECT_THAT(vary({}), ElementsAre("Origin"));
  EXPECT_THAT(vary({{"Vary", "Accept"}}), ElementsAre("Accept", "Origin"));
  EXPECT_THAT(vary({{"Vary", "Accept, origin"}}), ElementsAre("Accept, origin"));
  EXPECT_THAT(vary({{"Vary", "*"}}), ElementsAre("*"));
}

TEST(Cors, HoldsKeepOnlyWhatIsLookedAt) {
  const auto request = make({{"Cookie", "c"}, {"origin", "http://a.example"}, {"X", "y"}, {"Access-Control-Request-Method", "PUT"}});
  const auto part = cors_request_part(request);
  EXPECT_EQ(part, make({{"origin", "http://a.example"}, {"Access-Control-Request-Method", "PUT"}}));
  Headers from_whole, from_part;
  add_cors(request, from_whole);
  add_cors(part, from_part);
  EXPECT_EQ(from_whole, from_part);
}

// ---- JSON-P requests

RequestHead get(std::string target) {
  RequestHead head;
  head.method = "GET";
  head.target = std::move(target);
  head.headers = make({{"Host", "app.test"}, {"Accept", "text/html"}, {"Cookie", "c"}, {"Content-Type", "x/y"}});
  return head;
}

JsonpRequest parsed(const Route& route, std::string target) {
  auto out = parse_jsonp(route, get(std::move(target)));
  EXPECT_TRUE(out && *out);
  return out && *out ? **out : JsonpRequest();
}

std::string refusal(const Route& route, std::string target) {
  const auto out = parse_jsonp(route, get(std::move(target)));
  return out ? "none" : out.error().text;
}

TEST(Jsonp, OnlyAGetWithTheParameterStandsForAnotherRequest) {
  const Route route;
  for (const char* target : {"/x", "/x?", "/x?a=1", "/x?callbacks=f", "/x?a=callback=f", "/callback=f", "*"}) {
    const auto out = parse_jsonp(route, get(target));
    ASSERT_TRUE(out) << target;
    EXPECT_FALSE(*out) << target;
  }
  auto post = get("/x?callback=f");
  post.method = "POST";
  EXPECT_FALSE(*parse_jsonp(route, post));
}

TEST(Jsonp, TheParametersAreTakenOutAndTheRestStaysAsItWas) {
  const Route route;
  const auto request = parsed(route, "/t%20x?x=1&callback=cb_1&&y=%2f&callback=other&z");
  EXPECT_EQ(request.callback, "cb_1");
  EXPECT_EQ(request.head.method, "GET");
  EXPECT_EQ(request.head.target, "/t%20x?x=1&&y=%2f&z");
  EXPECT_EQ(request.head.headers, make({{"Host", "app.test"}, {"Cookie", "c"}, {"Content-Type", "x/y"}, {"Accept", "*/*"}}));
  EXPECT_TRUE(request.body.empty());
  EXPECT_EQ(parsed(route, "/x?callback=f").head.target, "/x");
  EXPECT_EQ(parsed(route, "/x?c%61llback=f").callback, "f");
}

TEST(Jsonp, MethodHeadersAndBodyShapeTheRequest) {
  const auto request =
      parsed({},
             "/x?callback=f&_method=POST&_body=the%20body+%26&_headers=%7B%22X-H%22%3A%20%22v%22%2C%20%22content-type%22%3A%22a/b%22"
             "%2C%22host%22%3A%22evil%22%2C%22Accept%22%3A%22z%22%7D");
  EXPECT_EQ(request.head.method, "POST");
  EXPECT_EQ(request.head.target, "/x");
  EXPECT_EQ(request.body.view(), "the body+&");
  EXPECT_THAT(request.head.headers.all("Content-Type"), ElementsAre("a/b"));
  EXPECT_THAT(request.head.headers.all("Host"), ElementsAre("app.test"));
  EXPECT_THAT(request.head.headers.all("Accept"), ElementsAre("*/*"));
  EXPECT_EQ(request.head.headers.get("X-H"), "v");
}

TEST(Jsonp, ARouteMayNameTheParameters) {
  Route route;
  route.jsonp_mode = JsonpMode::basic;
  route.jsonp_callback = "cb";
  route.jsonp_body = "data";
  const auto request = parsed(route, "/x?cb=go&data=%7B%22b%22%3A%202%7D&callback=stays&_body=stays");
  EXPECT_EQ(request.callback, "go");
  EXPECT_EQ(request.mode, JsonpMode::basic);
  EXPECT_EQ(request.head.method, "POST");
  EXPECT_EQ(request.body.view(), R"({"b": 2})");
  EXPECT_EQ(request.head.target, "/x?callback=stays&_body=stays");
  EXPECT_THAT(request.head.headers.all("Content-Type"), ElementsAre("application/json"));
  EXPECT_EQ(parsed(route, "/x?cb=go").head.headers.get("Content-Type"), "x/y") << "there is no body it would speak of";
  route.jsonp_default_method = "PUT";
  EXPECT_EQ(parsed(route, "/x?cb=go").head.method, "PUT");
  EXPECT_EQ(parsed(route, "/x?cb=go&_method=DELETE").head.method, "DELETE");
  route.jsonp_callback = "";
  EXPECT_EQ(parsed(route, "/x?callback=f").callback, "f");
}

TEST(Jsonp, ADefaultCallbackNeedsTheBodyParameter) {
  Route route;
  route.jsonp_default_callback = "dflt";
  EXPECT_FALSE(*parse_jsonp(route, get("/x?_body=1")));
  route.jsonp_body = "data";
  EXPECT_FALSE(*parse_jsonp(route, get("/x?_body=1")));
  EXPECT_EQ(parsed(route, "/x?data=1").callback, "dflt");
  EXPECT_EQ(parsed(route, "/x?data=1&callback=own").callback, "own");
}

TEST(Jsonp, BadCallbacksAreRefused) {
  for (const std::string value :
       {"", "a%", "a%2", "a%zz", "alert(1)//", "a b", "a%0db", "%3Cscript%3E", "a;b", "a%00", "a%22", "f%C3%A4"}) {
    EXPECT_EQ(refusal({}, "/x?callback=" + value), "Invalid callback parameter.") << value;
  }
  EXPECT_EQ(refusal({}, "/x?callback"), "Invalid callback parameter.");
  EXPECT_EQ(refusal({}, "/x?callback=" + std::string(257, 'f')), "Invalid callback parameter.");
  EXPECT_EQ(parsed({}, "/x?callback=jQuery1_2.a%5B0%5D.$f").callback, "jQuery1_2.a[0].$f");
}

TEST(Jsonp, BadMethodsHeadersAndBodiesAreRefused) {
  for (const std::string value : {"", "P%20T", "GET%0d%0aX:y", "%", "connect", "CONNECT"}) {
    EXPECT_EQ(refusal({}, "/x?callback=f&_method=" + value), "Invalid _method parameter.") << value;
  }
  for (const std::string value :
       {"", "x", "[]", "%7B", "null", "%7B%22a%22%3A1%7D", "%7B%22a%22%3Anull%7D", "%7B%22a%20b%22%3A%22c%22%7D", "%7B%22%22%3A%22c%22%7D",
        "%7B%22a%22%3A%22b%5Cr%5CnX%3A%20y%22%7D", "%7B%22a%22%3A%22b%5Cu0000%22%7D", "%zz"}) {
    EXPECT_EQ(refusal({}, "/x?callback=f&_headers=" + value), "Invalid _headers parameter.") << value;
  }
  EXPECT_EQ(refusal({}, "/x?callback=f&_body=%4"), "Invalid body parameter.");
  EXPECT_EQ(refusal({}, "/x?callback=f&_headers=" + std::string(7000, '[')), "Invalid _headers parameter.");
}

// ---- JSON-P answers

JsonpRequest asked(JsonpMode mode) {
  JsonpRequest request;
  request.callback = "cb";
  request.mode = mode;
  return request;
}

TEST(JsonpAnswer, ExtendedDescribesTheWholeResponse) {
  ResponseHead head;
  head.status = 404;
  head.headers = make({{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}, {"Set-Cookie", "secret"}});
  const auto answer = wrap_jsonp(asked(JsonpMode::extended), head, "say \"hi\"\n</script>\n", false);
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.head.reason, "OK");
  EXPECT_EQ(answer.head.headers.get("Content-Type"), "application/javascript");
  EXPECT_EQ(answer.head.headers.get("X-Content-Type-Options"), "nosniff");

  const std::string script = answer.body.str();
  ASSERT_TRUE(script.starts_with("/**/cb(") && script.ends_with(");\n")) << script;
  const auto object = nlohmann::json::parse(script.substr(7, script.size() - 10));
  EXPECT_EQ(object, nlohmann::json({{"code", 404},
                                    {"reason", "Not Found"},
                                    {"headers", {{"Content-Type", "text/plain"}, {"X-A", "1, 2"}}},
                                    {"body", "say \"hi\"\n</script>\n"}}));
}

TEST(JsonpAnswer, ExtendedSurvivesAnyBytes) {
  ResponseHead head;
  head.reason = "Caf\xe9";
  const auto script =
      wrap_jsonp(asked(JsonpMode::extended), head, std::string_view("\0\xff\xe2\x80\xa8 \xf0\x9f\x98\x80", 10), true).body.str();
  for (const char c : script) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  const auto object = nlohmann::json::parse(script.substr(7, script.size() - 10));
  EXPECT_EQ(object["body"], std::string("\0\xef\xbf\xbd\xe2\x80\xa8 \xf0\x9f\x98\x80", 12));
  EXPECT_EQ(object["headers"], nlohmann::json::object());
}

TEST(JsonpAnswer, BasicIsTheBodyAlone) {
  const auto script = [](std::string_view body, bool held) { return wrap_jsonp(asked(JsonpMode::basic), {}, body, held).body.str(); };
  EXPECT_EQ(script(R"({"a": 1})", false), "/**/cb({\"a\": 1});\n");
  EXPECT_EQ(script("1\n\n", false), "/**/cb(1\n\n);\n");
  EXPECT_EQ(script("1\n\n", true), "/**/cb(1\n);\n");
  EXPECT_EQ(script("", true), "/**/cb();\n");
}

}  // namespace
}  // namespace holdfast
