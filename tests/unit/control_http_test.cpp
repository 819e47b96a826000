#include <httplib.h>

#include "tests/unit/control_support.h"

namespace holdfast::control {
namespace {

using std::chrono::milliseconds;

class ControlHttp : public DoorTest {};

TEST_F(ControlHttp, APublishIsAnsweredWithAShortTextWithAndWithoutTheSlash) {
  open();
  for (const char* path : {"/publish/", "/publish", "/publish/?origin=x"}) {
    const std::string answer = ask(post(items(), "", path));
    EXPECT_EQ(status_of(answer), 200) << answer;
    EXPECT_EQ(body_of(answer), "Published\n");
    EXPECT_TRUE(has_field(answer, "Content-Type: text/plain")) << answer;
  }
  EXPECT_EQ(broker_.channels().size(), 3u);
}

TEST_F(ControlHttp, JsonIsAnsweredWhenAskedFor) {
  open();
  const std::string answer = ask(post(items(), "Accept: application/json\r\n"));
  EXPECT_EQ(body_of(answer), "{\"message\":\"Published\"}\n");
  EXPECT_TRUE(has_field(answer, "Content-Type: application/json"));
  EXPECT_EQ(body_of(ask(post("", "Accept: application/json\r\n", "/recover"))), "{\"message\":\"Updated\"}\n");
}

TEST_F(ControlHttp, AnAcceptWithoutTextAndJsonPublishesNothing) {
  open();
  for (const char* accept : {"image/png", ";,;", "application/xml;q=1"}) {
    const std::string answer = ask(post(items(), std::string("Accept: ") + accept + "\r\n"));
    EXPECT_EQ(status_of(answer), 406) << accept;
    EXPECT_TRUE(has_field(answer, "Content-Type: text/plain"));
  }
  EXPECT_EQ(status_of(ask(post("", "Accept: image/png\r\n", "/recover"))), 406);
  EXPECT_TRUE(broker_.channels().empty());
  EXPECT_EQ(node_.recovered, 0);
}

TEST_F(ControlHttp, RecoverReachesTheNode) {
  open();
  EXPECT_EQ(body_of(ask(post("", "", "/recover"))), "Updated\n");
  EXPECT_EQ(body_of(ask("POST /recover/ HTTP/1.1\r\nHost: c\r\n\r\n")), "Updated\n");
  EXPECT_EQ(node_.recovered, 2);
}

TEST_F(ControlHttp, PathsAndMethods) {
  open();
  const struct {
    const char* method;
    const char* path;
    int status;
  } cases[] = {
      {"GET", "/", 200},
      {"POST", "/", 200},
      {"GET", "/nope", 404},
      {"POST", "/nope", 404},
      {"POST", "/publish/x", 404},
      {"GET", "/publish/", 405},
      {"PUT", "/publish", 405},
      {"DELETE", "/recover", 405},
      {"GET", "/recover", 405},
      {"PATCH", "/publish/", 405},
      {"OPTIONS", "/publish/", 405},
      {"POST", "//publish/", 404},
      {"POST", "/PUBLISH/", 404},
      {"POST", "*", 404},
      {"BREW", "/publish/", 405},
      {"POST", "/publish%2F", 404},
      {"POST", "http://c/publish/", 404},
  };
  for (const auto& c : cases)
    for (const char* body : {"", "{}"}) {
      const std::string answer = ask(std::string(c.method) + " " + c.path +
                                     " HTTP/1.1\r\nHost: c\r\nContent-Length: " + std::to_string(strlen(body)) + "\r\n\r\n" + body);
      EXPECT_EQ(status_of(answer), c.status) << c.method << " " << c.path;
      if (c.status == 405) {
        EXPECT_TRUE(has_field(answer, "Allow: POST")) << answer;
        EXPECT_EQ(body_of(answer), std::string("Method not allowed: ") + c.method + ".\n");
      }
      if (c.status == 404) {
        EXPECT_EQ(body_of(answer), "Not Found\n");
      }
    }
  EXPECT_EQ(body_of(ask("HEAD / HTTP/1.0\r\n\r\n")), "");
}

TEST_F(ControlHttp, EveryEndpointSurvivesARequestWithoutABody) {
  open();
  for (const char* path : {"/publish/", "/publish", "/recover", "/", "/nope"})
    for (const char* method : {"GET", "POST", "PUT", "DELETE"})
      EXPECT_NE(status_of(ask(std::string(method) + " " + path + " HTTP/1.1\r\nHost: c\r\n\r\n")), 0) << method << path;
  const std::string answer = ask("POST /publish/ HTTP/1.1\r\nHost: c\r\n\r\n");
  EXPECT_EQ(status_of(answer), 400);
  EXPECT_EQ(body_of(answer), "Body is not valid JSON.\n");
}

TEST_F(ControlHttp, AWrongBodySaysWhatIsWrongAndPublishesNothing) {
  open();
  const struct {
    const char* body;
    const char* text;
  } cases[] = {
      {"{nope", "Body is not valid JSON.\n"},
      {"[]", "Invalid format.\n"},
      {"{}", "Invalid format: object does not contain 'items'\n"},
      {R"({"items": 3})", "Invalid format: object contains 'items' with wrong type\n"},
  };
  for (const auto& c : cases) {
    const std::string answer = ask(post(c.body));
    EXPECT_EQ(status_of(answer), 400);
    EXPECT_EQ(body_of(answer), c.text);
  }
  const std::string mixed = ask(post(R"({"items":[{"channel":"a","http-stream":{"content":"x"}},{"channel":3}]})"));
  EXPECT_EQ(status_of(mixed), 400);
  EXPECT_EQ(body_of(mixed).rfind("Invalid format: ", 0), 0u) << mixed;
  EXPECT_TRUE(broker_.channels().empty());
}

TEST_F(ControlHttp, TheBodyLimitHoldsForBothFramings) {
  open({.max_body = 4096});
  const std::string filler(5000, ' ');
  for (const std::string& request : {post(items() + filler), chunked(chunk(items()) + chunk(filler) + "0\r\n\r\n"),
                                     post(std::string(3'000'000, ' ')), chunked(chunk(std::string(3'000'000, ' ')))}) {
    const std::string answer = ask(request);
    EXPECT_EQ(status_of(answer), 400);
    EXPECT_EQ(body_of(answer), "Request body too large.\n");
    EXPECT_TRUE(has_field(answer, "Connection: close"));
  }
  // Many small chunks are no way around it, and one that is only announced is refused before it comes.
  std::string small;
  for (int i = 0; i < 5000; ++i) small += "1\r\n \r\n";
  EXPECT_EQ(body_of(ask(chunked(small))), "Request body too large.\n");
  EXPECT_EQ(body_of(ask(chunked("FFFFFFFFFFFFFFFF\r\n"))), "Request body too large.\n");
  EXPECT_EQ(body_of(ask("POST /publish HTTP/1.1\r\nHost: c\r\nContent-Length: 999999999999999\r\n\r\n")), "Request body too large.\n");
  EXPECT_TRUE(broker_.channels().empty());
  EXPECT_EQ(status_of(ask(post(items() + std::string(4096 - items().size(), ' ')))), 200);
}

TEST_F(ControlHttp, ChunkedBodiesAreTakenAndTheConnectionGoesOn) {
  open();
  RawClient client(server_->port());
  const std::string body = items();
  client.send(chunked(chunk(body.substr(0, 5)) + "5;name=\"v\"\r\n" + body.substr(5, 5) + "\r\n" + chunk(body.substr(10)) +
                      "0\r\nTrailer: x\r\n\r\n"));
  EXPECT_EQ(body_of(client.answer()), "Published\n");
  client.send(post(body));
  EXPECT_EQ(body_of(client.answer()), "Published\n");
}

TEST_F(ControlHttp, AMalformedChunkIsRefusedAndTheConnectionClosed) {
  open();
  const std::string body = items();
  for (const std::string& chunks :
       {std::string("-2\r\nab\r\n0\r\n\r\n"), std::string("0x2\r\nab\r\n0\r\n\r\n"), std::string("+2\r\nab\r\n0\r\n\r\n"),
        std::string(" 2\r\nab\r\n0\r\n\r\n"), std::string("2 \r\nab\r\n0\r\n\r\n"), std::string("11111111111111111\r\nab"),
        std::string("\r\nab"), std::string("g\r\n"), std::string("2\nab\r\n"), std::string("2\r\nabc\r\n0\r\n\r\n"),
        std::string("2\r\nab\n0\r\n\r\n"), std::string(";x\r\n"), "2;" + std::string(300, 'x') + "\r\nab\r\n0\r\n\r\n",
        std::string(300, '0'), "0\r\n" + std::string(300, 'x'), std::string("2;a\x01") + "b\r\nab\r\n0\r\n\r\n"}) {
    RawClient client(server_->port());
    client.send(chunked(chunks));
    const std::string answer = client.answer();
    EXPECT_EQ(status_of(answer), 400) << chunks;
    EXPECT_TRUE(has_field(answer, "Connection: close")) << answer;
    client.end();
    EXPECT_TRUE(client.closed());
  }
  EXPECT_TRUE(broker_.channels().empty());
}

TEST_F(ControlHttp, EndlessExtensionsAndTrailersEnd) {
  open();
  std::string extensions, trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) extensions += "1;" + std::string(200, 'e') + "\r\n \r\n";
  for (int i = 0; i < 100; ++i) trailers += "A: " + std::string(200, 't') + "\r\n";
  EXPECT_EQ(status_of(ask(chunked(extensions + "0\r\n\r\n"))), 400);
  EXPECT_EQ(status_of(ask(chunked(trailers + "\r\n"))), 400);
}

TEST_F(ControlHttp, AHeadThatIsTooLargeOrTooLongIsRefused) {
  open({.max_head = 4096});
  const std::string large = ask("POST /publish/ HTTP/1.1\r\nHost: c\r\nX: " + std::string(5000, 'x') + "\r\n\r\n");
  EXPECT_EQ(status_of(large), 400);
  EXPECT_EQ(body_of(large), "Request header too large.\n");
  EXPECT_EQ(status_of(ask("GET /" + std::string(5000, 'x'))), 400);  // even without an end
  std::string fields;
  for (int i = 0; i < 200; ++i) fields += "A: b\r\n";
  EXPECT_EQ(status_of(ask("GET / HTTP/1.1\r\nHost: c\r\n" + fields + "\r\n")), 431);
}

TEST_F(ControlHttp, WhatTwoPartiesMayReadInTwoWaysIsRefusedAndTheConnectionClosed) {
  open();
  for (const char* fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: xchunked\r\n", "Content-Length: -1\r\n", "Content-Length: %31\r\n", "Bad Name: x\r\n", "X: a\nY: b\r\n"}) {
    RawClient client(server_->port());
    client.send("POST /publish/ HTTP/1.1\r\nHost: c\r\n" + std::string(fields) + "\r\n0\r\n\r\n" + post(items()));
    EXPECT_EQ(status_of(client.answer()), 400) << fields;
    client.end();
    EXPECT_TRUE(client.closed()) << fields;
  }
  EXPECT_TRUE(broker_.channels().empty());
}

TEST_F(ControlHttp, FieldsThatHaveBrokenOtherServersAreHarmless) {
  open();
  std::string range = "bytes=0-1";
  for (int i = 0; i < 2000; ++i) range += ",0-1";
  EXPECT_EQ(body_of(ask(post(items(), "Range: " + range + "\r\n"))), "Published\n");
  EXPECT_EQ(body_of(ask(post(items(), "X: %0d%0aContent-Length: 0\r\nAccept-Encoding: gzip, br\r\n"))), "Published\n");
  EXPECT_EQ(body_of(ask(post(items(), "Content-Type: multipart/form-data; boundary=x\r\n"))), "Published\n");
  EXPECT_EQ(body_of(ask(post(items(), "Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip\r\n"))), "Published\n");
}

TEST_F(ControlHttp, PipelinedRequestsAreAnsweredInOrderUntilOneCloses) {
  open();
  RawClient client(server_->port());
  client.send("\r\n" + post(items()) + "GET /nope HTTP/1.1\r\nHost: c\r\n\r\n" + chunked(chunk(items()) + "0\r\n\r\n") + post("[]") +
              post("", "Connection: close\r\n", "/recover") + post(items()));
  EXPECT_EQ(body_of(client.answer()), "Published\n");
  EXPECT_EQ(status_of(client.answer()), 404);
  EXPECT_EQ(body_of(client.answer()), "Published\n");
  EXPECT_EQ(body_of(client.answer()), "Invalid format.\n");
  const std::string last = client.answer();
  EXPECT_EQ(body_of(last), "Updated\n");
  EXPECT_TRUE(has_field(last, "Connection: close"));
  client.end();
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(broker_.channels().size(), 2u);
}

TEST_F(ControlHttp, AnUnreadBodyIsNeverTakenForARequest) {
  open();
  RawClient client(server_->port());
  const std::string hidden = post(items());
  client.send(post(hidden, "", "/nope") + "GET / HTTP/1.1\r\nHost: c\r\n\r\n");
  EXPECT_EQ(status_of(client.answer()), 404);
  EXPECT_EQ(status_of(client.answer()), 200);
  for (const std::string& request : {"POST /nope HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n" + hidden,
                                     "BREW /nope HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n" + hidden,
                                     post(std::string(100'000, 'x'), "", "/nope") + hidden}) {
    RawClient other(server_->port());
    other.send(request);
    EXPECT_TRUE(has_field(other.answer(), "Connection: close"));
    other.end();
    EXPECT_TRUE(other.closed());
  }
  EXPECT_TRUE(broker_.channels().empty());
}

TEST_F(ControlHttp, AClientThatAsksFirstIsToldToGoOnOrNot) {
  open({.max_body = 4096});
  RawClient client(server_->port());
  const std::string body = items();
  client.send("POST /publish/ HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_EQ(status_of(client.answer()), 100);
  client.send(body);
  EXPECT_EQ(body_of(client.answer()), "Published\n");
  client.send("POST /publish/ HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\nContent-Length: 999999\r\n\r\n");
  EXPECT_EQ(body_of(client.answer()), "Request body too large.\n");
}

TEST_F(ControlHttp, WhatTheBrokerRefusesIs503AndNamesTheItems) {
  open();
  broker_.judge([](const PublishRequest& request) -> Result<PublishReceipt> {
    if (request.channel == "down") return fail(ErrorKind::unavailable, "broker is down");
    if (request.channel == "big") return fail(ErrorKind::too_large, "too large for the broker");
    return PublishReceipt{};
  });
  const std::string all = ask(post(items("down")));
  EXPECT_EQ(status_of(all), 503);
  EXPECT_EQ(body_of(all), "Not published: items[0]: broker is down\n");
  EXPECT_TRUE(has_field(all, "Retry-After: 1"));
  const std::string part =
      ask(post(R"({"items":[{"channel":"a","http-stream":{"content":"x"}},{"channel":"down","http-stream":{"content":"x"}}]})"));
  EXPECT_EQ(status_of(part), 503);
  EXPECT_EQ(body_of(part), "Published except items[1]: broker is down\n");
  const std::string hopeless = ask(post(items("big")));
  EXPECT_EQ(status_of(hopeless), 400);
  EXPECT_EQ(body_of(hopeless), "Not published: items[0]: too large for the broker\n");
  std::string many = R"({"items":[)";
  for (int i = 0; i < 30; ++i) many += std::string(i > 0 ? "," : "") + R"({"channel":"down","http-stream":{"content":"x"}})";
  EXPECT_NE(body_of(ask(post(many + "]}"))).find("items[9]: broker is down; and 20 more\n"), std::string::npos);
}

TEST_F(ControlHttp, WithTokensOnlyTheyOpenTheDoor) {
  open({}, {.tokens = {"0123456789abcdef", "fedcba9876543210"}});
  for (const char* fields : {"", "Authorization: Bearer wrong\r\n", "Authorization: Bearer 0123456789abcde\r\n",
                             "Authorization: Basic 0123456789abcdef\r\n", "Authorization: Bearer %30123456789abcdef\r\n"})
    for (const char* path : {"/publish/", "/recover", "/", "/nope"}) {
      const std::string answer = ask(post(items(), fields, path));
      EXPECT_EQ(status_of(answer), 401) << fields << path;
      EXPECT_NE(answer.find("WWW-Authenticate: Bearer realm=\"holdfast\""), std::string::npos) << answer;
      EXPECT_EQ(answer.find("error=\"invalid_token\"") == std::string::npos, *fields == '\0') << answer;
    }
  EXPECT_EQ(status_of(ask(chunked(chunk(items()) + "0\r\n\r\n"))), 401);
  EXPECT_TRUE(broker_.channels().empty());
  EXPECT_EQ(node_.recovered, 0);
  EXPECT_EQ(status_of(ask(post(items(), "Authorization: Bearer 0123456789abcdef\r\n"))), 200);
  EXPECT_EQ(status_of(ask(post(items(), "authorization: bearer fedcba9876543210\r\n"))), 200);
}

TEST_F(ControlHttp, AnOpenAddressWantsTokensOrAClearWord) {
  Authenticator nobody({}, clock_, metrics_), somebody({.tokens = {"0123456789abcdef"}}, clock_, metrics_);
  ASSERT_TRUE(somebody.load());
  HttpServer anonymous({.address = "0.0.0.0:0"}, service_, nobody, metrics_);
  const auto refused = anonymous.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::denied);
  EXPECT_NE(refused.error().text.find("control.http.token_file"), std::string::npos);
  EXPECT_NE(refused.error().text.find("control.http.allow_anonymous"), std::string::npos);
  EXPECT_FALSE(HttpServer({.address = "[::]:0"}, service_, nobody, metrics_).start());
  EXPECT_TRUE(HttpServer({.address = "0.0.0.0:0"}, service_, somebody, metrics_).start());
  EXPECT_TRUE(HttpServer({.address = "0.0.0.0:0", .allow_anonymous = true}, service_, nobody, metrics_).start());
  EXPECT_FALSE(HttpServer({.address = "nonsense"}, service_, nobody, metrics_).start());
}

TEST_F(ControlHttp, ATakenPortIsAnErrorAndAnIPv6AddressWorks) {
  open();
  HttpServer second({.address = "127.0.0.1:" + std::to_string(server_->port())}, service_, *authenticator_, metrics_);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::unavailable);
  HttpServer six({.address = "[::1]:0"}, service_, *authenticator_, metrics_);
  if (!six.start()) return;  // a machine without IPv6
  httplib::Client client("::1", six.port());
  const auto answer = client.Get("/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
}

TEST_F(ControlHttp, AnOrdinaryClientLibraryWorksWithKeepAliveAndChunks) {
  open();
  httplib::Client client("127.0.0.1", server_->port());
  client.set_keep_alive(true);
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.Post("/publish/", items(), "application/json");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "Published\n");
    EXPECT_FALSE(answer->has_header("Connection"));
  }
  const std::string body = items();
  const auto answer = client.Post(
      "/publish/",
      [&](size_t, httplib::DataSink& sink) {
        sink.write(body.data(), body.size());
        sink.done();
        return true;
      },
      "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "Published\n");
}

}  // namespace
}  // namespace holdfast::control
