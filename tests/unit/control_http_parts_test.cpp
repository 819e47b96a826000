#include <future>

#include <gtest/gtest.h>

#include "control/address.h"
#include "control/elastic_pool.h"
#include "control/http/accept.h"
#include "control/http/request_guard.h"
#include "tests/unit/control_support.h"

namespace holdfast::control {
namespace {

TEST(ControlAccept, TheLastAcceptableEntryWins) {
  using enum AnswerType;
  const struct {
    const char* accept;
    std::optional<AnswerType> expected;
  } cases[] = {
      {"", text},
      {"  ", text},
      {"text/plain", text},
      {"TEXT/Plain; charset=utf-8", text},
      {"text/*", text},
      {"*/*", text},
      {"application/json", json},
      {"application/*;q=0.1", json},
      {"text/plain;q=1, application/json;q=0.1", json},
      {"application/json, */*", text},
      {"application/json, image/png", json},
      {"image/png", std::nullopt},
      {"text/html,application/xml", std::nullopt},
      {"application/jsonx", std::nullopt},
      {",", std::nullopt},
      {";", std::nullopt},
      {";;,,;q=", std::nullopt},
      {"/", std::nullopt},
      {",,application/json,,", json},
  };
  for (const auto& c : cases) EXPECT_EQ(choose_answer_type(c.accept), c.expected) << c.accept;
}

TEST(ControlAddress, KnowsLoopbackFromTheRest) {
  const struct {
    const char* text;
    const char* host;
    int port;
    bool loopback;
  } cases[] = {
      {"127.0.0.1:5561", "127.0.0.1", 5561, true},  {"127.8.8.8:1", "127.8.8.8", 1, true},
      {"localhost:0", "127.0.0.1", 0, true},        {"[::1]:5561", "::1", 5561, true},
      {"0.0.0.0:5561", "0.0.0.0", 5561, false},     {"[::]:5561", "::", 5561, false},
      {"10.0.0.1:65535", "10.0.0.1", 65535, false}, {"[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1, false},
  };
  for (const auto& c : cases) {
    const auto address = parse_listen_address(c.text);
    ASSERT_TRUE(address) << c.text;
    EXPECT_EQ(address->host, c.host);
    EXPECT_EQ(address->port, c.port);
    EXPECT_EQ(address->loopback, c.loopback) << c.text;
  }
  for (const char* text : {"", ":", "127.0.0.1", ":5561", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:5561",
                           "[::1]", "[127.0.0.1]:1", "[]:1", "example.com:80", "127.0.0.1 :1", "1:2:3"})
    EXPECT_FALSE(parse_listen_address(text)) << text;
}

std::string head(const std::string& fields, const std::string& line = "POST /publish/ HTTP/1.1") {
  return line + "\r\nHost: c\r\n" + fields + "\r\n";
}

TEST(ControlRequestGuard, ReadsWhatDecides) {
  const auto checked =
      check_head(head("content-LENGTH: 12\r\nAccept: a/b\r\nACCEPT:\tc/d \r\nAuthorization: Bearer x%0d\r\nExpect: 100-Continue\r\n"));
  ASSERT_TRUE(checked) << checked.error().body;
  EXPECT_EQ(checked->length, 12u);
  EXPECT_FALSE(checked->chunked);
  EXPECT_TRUE(checked->keep_alive);
  EXPECT_TRUE(checked->expect_continue);
  EXPECT_EQ(checked->accept, "a/b,c/d");
  EXPECT_EQ(checked->authorization, "Bearer x%0d");  // literally
  EXPECT_EQ(checked->method, "POST");
  EXPECT_EQ(checked->path, "/publish/");
  EXPECT_EQ(check_head("GET /a?b?c HTTP/1.0\r\n\r\n")->path, "/a");
  EXPECT_TRUE(check_head(head("Transfer-Encoding: Chunked\r\n"))->chunked);
  EXPECT_FALSE(check_head(head("Connection: keep-alive, Close\r\n"))->keep_alive);
  EXPECT_FALSE(check_head("GET / HTTP/1.0\r\n\r\n")->keep_alive);
}

TEST(ControlRequestGuard, RefusesWhatTwoPartiesMayReadInTwoWays) {
  const struct {
    std::string head;
    int status;
  } cases[] = {
      {head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400},
      {head("Content-Length: 3\r\nContent-Length: 4\r\n"), 400},
      {head("Content-Length: 3\r\nContent-Length: 3\r\n"), 400},
      {head("Content-Length: +3\r\n"), 400},
      {head("Content-Length: -3\r\n"), 400},
      {head("Content-Length: 0x3\r\n"), 400},
      {head("Content-Length: 3 3\r\n"), 400},
      {head("Content-Length: 3,3\r\n"), 400},
      {head("Content-Length: %33\r\n"), 400},
      {head("Content-Length:\r\n"), 400},
      {head("Content-Length: 99999999999999999999999\r\n"), 400},
      {head("Transfer-Encoding: xchunked\r\n"), 400},
      {head("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {head("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0"), 400},
      {head("Host: d\r\n"), 400},
      {head("Authorization: a\r\nAuthorization: b\r\n"), 400},
      {head("A : b\r\n"), 400},
      {head(": b\r\n"), 400},
      {head("A b\r\n"), 400},
      {head(" folded: b\r\n"), 400},
      {head("A: b\r\n c\r\n"), 400},
      {head("A: b\nC: d\r\n"), 400},
      {head("A: b\rC\r\n"), 400},
      {head(std::string("A: b\0c\r\n", 8)), 400},
      {head("Expect: tea\r\n"), 417},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {head("", "GET / HTTP/2.0"), 505},
      {head("", "GET / HTTP/1.2"), 505},
      {head("", "GET  / HTTP/1.1"), 400},
      {head("", "GET /"), 400},
      {head("", "GET / HTTP/1.1 x"), 400},
      {head("", "G@T / HTTP/1.1"), 400},
      {head("", "GET /\x01 HTTP/1.1"), 400},
      {head("", "GET /\xc3\xa4 HTTP/1.1"), 400},
      {head("", ""), 400},
  };
  for (const auto& c : cases) {
    const auto checked = check_head(c.head);
    ASSERT_FALSE(checked) << c.head;
    EXPECT_EQ(checked.error().status, c.status) << c.head;
  }
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "A: b\r\n";
  EXPECT_EQ(check_head(head(many)).error().status, 431);
}

TEST(ControlElasticPool, GrowsOnDemandAndShrinksWhenIdle) {
  ElasticPool pool({.threads = 3, .waiting = 10, .linger = std::chrono::milliseconds(5)});
  EXPECT_EQ(pool.threads(), 0u);
  std::promise<void> go;
  const auto gate = go.get_future().share();
  std::atomic<int> ran{0};
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(pool.offer([&, gate] {
      gate.wait();
      ++ran;
    }));
  EXPECT_TRUE(eventually([&] { return pool.threads() == 3; }));
  EXPECT_TRUE(pool.pressed());
  go.set_value();
  EXPECT_TRUE(eventually([&] { return ran == 5 && pool.threads() == 0; }));
  EXPECT_FALSE(pool.pressed());
  EXPECT_TRUE(pool.offer([&] { ++ran; }));  // and grows again
  EXPECT_TRUE(eventually([&] { return ran == 6; }));
}

TEST(ControlElasticPool, AFullQueueRefusesAndCloseRunsWhatWasTaken) {
  ElasticPool pool({.threads = 1, .waiting = 2, .linger = std::chrono::seconds(5)});
  std::promise<void> go;
  const auto gate = go.get_future().share();
  std::promise<void> begun;
  std::atomic<int> ran{0};
  ASSERT_TRUE(pool.offer([&, gate] {
    begun.set_value();
    gate.wait();
    ++ran;
  }));
  begun.get_future().wait();
  EXPECT_TRUE(pool.offer([&] { ++ran; }));
  EXPECT_TRUE(pool.offer([&] { ++ran; }));
  EXPECT_FALSE(pool.offer([&] { ran += 100; }));
  go.set_value();
  pool.close();
  EXPECT_EQ(ran, 3);
  EXPECT_FALSE(pool.offer([&] { ran += 100; }));
}

}  // namespace
}  // namespace holdfast::control
