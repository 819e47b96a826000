#include <future>

#include <httplib.h>

#include "tests/unit/control_support.h"

// Connections over time: many at once, idle, slow, too many, and the end of the door.

namespace holdfast::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ControlHttpLife : public DoorTest {
 protected:
  int64_t connections() { return metrics_.gauge("holdfast_control_connections", "", {{"door", "http"}}).value(); }
};

TEST_F(ControlHttpLife, MoreKeptAliveConnectionsThanThreadsStarveNobody) {
  open({.max_threads = 2});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(std::make_unique<RawClient>(server_->port()));
  const auto begin = std::chrono::steady_clock::now();
  for (int round = 0; round < 5; ++round) {
    for (auto& client : clients) client->send(post(items()));
    for (auto& client : clients) ASSERT_EQ(body_of(client->answer()), "Published\n");
  }
  EXPECT_EQ(broker_.channels().size(), 500u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10));
}

TEST_F(ControlHttpLife, ParallelClientsAreAllServed) {
  open({.max_threads = 8});
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 25; ++i)
    threads.emplace_back([&] {
      std::vector<std::unique_ptr<RawClient>> mine;
      for (int n = 0; n < 4; ++n) mine.push_back(std::make_unique<RawClient>(server_->port()));
      for (int round = 0; round < 3; ++round)
        for (auto& client : mine) {
          client->send(post(items()));
          if (status_of(client->answer()) == 200) ++served;
        }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 300);
}

TEST_F(ControlHttpLife, IdleConnectionsHoldNoThread) {
  open({.max_threads = 1});
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(std::make_unique<RawClient>(server_->port()));
    if (i % 2 == 0) continue;  // half of them never say anything
    idle.back()->send(post(items()));
    EXPECT_EQ(status_of(idle.back()->answer()), 200);
  }
  EXPECT_EQ(status_of(ask(post(items()))), 200);
  for (auto& client : idle) {  // and none was lost
    client->send(post(items()));
    EXPECT_EQ(status_of(client->answer()), 200);
  }
}

TEST_F(ControlHttpLife, AConnectionBeyondTheBoundIsAnswered503AndClosed) {
  open({.max_connections = 2});
  RawClient first(server_->port()), second(server_->port());
  for (RawClient* client : {&first, &second}) {
    client->send(post(items()));
    EXPECT_EQ(status_of(client->answer()), 200);
  }
  RawClient third(server_->port());
  EXPECT_EQ(status_of(third.answer()), 503);
  EXPECT_TRUE(third.closed());
  first.send(post(items()));
  EXPECT_EQ(status_of(first.answer()), 200);
  EXPECT_EQ(metrics_.counter("holdfast_control_refused_total", "", {{"door", "http"}}).value(), 1);
}

TEST_F(ControlHttpLife, ALeftConnectionMakesRoom) {
  open({.max_connections = 1});
  {
    EXPECT_EQ(status_of(ask(post(items()))), 200);
  }
  EXPECT_TRUE(eventually([&] { return connections() == 0; }));
  EXPECT_EQ(status_of(ask(post(items()))), 200);
}

TEST_F(ControlHttpLife, AnIdleConnectionIsClosedAfterItsTime) {
  open({.idle_timeout = milliseconds(30)});
  RawClient silent(server_->port()), spoke(server_->port());
  spoke.send(post(items()));
  EXPECT_EQ(status_of(spoke.answer()), 200);
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(spoke.closed());
}

TEST_F(ControlHttpLife, ARequestThatDoesNotArriveInTimeIs408) {
  open({.request_timeout = milliseconds(30)});
  for (const std::string& part :
       {std::string("POST /publish/ HT"), post(items()).substr(0, 90), chunked("5\r\nab"), chunked("5"), chunked("0\r\nA: b\r\n")}) {
    RawClient client(server_->port());
    client.send(part);
    EXPECT_EQ(status_of(client.answer()), 408) << part;
    client.end();
    EXPECT_TRUE(client.closed());
  }
  EXPECT_TRUE(broker_.channels().empty());
}

TEST_F(ControlHttpLife, AClientThatLeavesInTheMiddleIsForgotten) {
  open();
  for (const std::string& part : {std::string(), std::string("PO"), post(items()).substr(0, 90), chunked("5\r\nab"), post(items())}) {
    RawClient client(server_->port());
    client.send(part);
  }
  EXPECT_TRUE(eventually([&] { return connections() == 0; }));
  EXPECT_EQ(status_of(ask(post(items()))), 200);
}

TEST_F(ControlHttpLife, StopEndsIdleAndUnfinishedConnectionsAtOnce) {
  open();
  RawClient idle(server_->port()), half(server_->port()), body(server_->port());
  half.send("POST /publish/ HTTP/1.1\r\n");
  body.send(post(items()).substr(0, 90));
  EXPECT_TRUE(eventually([&] { return connections() == 3; }));
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(3));
  for (RawClient* client : {&idle, &half, &body}) client->rest();
  EXPECT_EQ(connections(), 0);
  server_->stop();
}

TEST_F(ControlHttpLife, StopLetsAPublishUnderWayAnswer) {
  open();
  broker_.hold();
  RawClient client(server_->port());
  client.send(post(items()));
  ASSERT_TRUE(broker_.wait_for_messages(1));
  auto stopped = std::async(std::launch::async, [&] { server_->stop(); });
  EXPECT_EQ(stopped.wait_for(milliseconds(20)), std::future_status::timeout);
  broker_.release();
  const std::string answer = client.answer();
  EXPECT_EQ(body_of(answer), "Published\n");
  EXPECT_TRUE(has_field(answer, "Connection: close")) << answer;
  client.end();
  stopped.wait();
}

TEST_F(ControlHttpLife, StartAndStopWithoutAClientAndWithoutAStart) {
  for (int i = 0; i < 20; ++i) {
    open();
    server_->stop();
  }
  Authenticator authenticator({}, clock_, metrics_);
  HttpServer never({}, service_, authenticator, metrics_);
  EXPECT_EQ(never.port(), 0);
  never.stop();
}

class Admin : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()); }
  httplib::Client client() { return httplib::Client("127.0.0.1", server_.port()); }

  Metrics metrics_;
  std::atomic<bool> ready_{true};
  AdminServer server_{{.address = "127.0.0.1:0"}, metrics_, [this] { return Readiness{ready_, "the broker is down", "broker"}; }};
};

TEST_F(Admin, MetricsAreRenderedWithTheirType) {
  metrics_.counter("holdfast_something_total", "Something.").add(3);
  const auto answer = client().Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(answer->body.find("holdfast_something_total"), std::string::npos);
}

TEST_F(Admin, ReadyFollowsTheCallAndLiveDoesNot) {
  EXPECT_EQ(client().Get("/readyz")->status, 200);
  ready_ = false;
  const auto answer = client().Get("/readyz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "not ready: the broker is down\n");
  EXPECT_EQ(client().Get("/livez")->status, 200);
}

TEST_F(Admin, ReadinessLeavesOutWhatTheQueryExcludes) {
  ready_ = false;
  EXPECT_EQ(client().Get("/readyz?exclude=broker")->status, 200);
  EXPECT_EQ(client().Get("/readyz?verbose&exclude=broker")->status, 200);
  for (const char* query : {"?exclude=", "?exclude=brok", "?exclude=brokers", "?broker", ""}) {
    EXPECT_EQ(client().Get(std::string("/readyz") + query)->status, 503) << query;
  }
}

TEST_F(Admin, DrainingCannotBeLeftOut) {
  AdminServer draining({.address = "127.0.0.1:0"}, metrics_, [] { return Readiness{false, "draining"}; });
  ASSERT_TRUE(draining.start());
  httplib::Client asking("127.0.0.1", draining.port());
  for (const char* query : {"?exclude=", "?exclude=draining", "?exclude=broker"}) {
    EXPECT_EQ(asking.Get(std::string("/readyz") + query)->status, 503) << query;
  }
}

TEST_F(Admin, EverythingElseIs404And405) {
  for (const char* path : {"/", "/publish/", "/metrics/", "/healthz"}) EXPECT_EQ(client().Get(path)->status, 404) << path;
  const auto answer = client().Post("/metrics", "x", "text/plain");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 405);
  EXPECT_EQ(answer->get_header_value("Allow"), "GET, HEAD");
  EXPECT_EQ(client().Head("/metrics")->status, 200);
}

TEST(ControlOptions, AreDeclaredOnceUnderTheirSections) {
  OptionSet set;
  HttpControlOptions http;
  AdminOptions admin;
  AuthOptions auth;
  declare(set, http);
  declare(set, admin);
  declare(set, auth);
  for (const char* key : {"control.http.address", "control.http.token_file", "control.http.tokens", "control.http.allow_anonymous",
                          "control.http.max_body", "control.http.max_head", "control.http.idle_timeout", "metrics.address"})
    EXPECT_NE(set.find(key), nullptr) << key;
  EXPECT_TRUE(set.find("control.http.tokens")->is_secret);
  EXPECT_FALSE(set.find("control.http.address")->extra_check("example.com:1").empty());
  EXPECT_TRUE(set.find("control.http.address")->extra_check("[::1]:0").empty());
}

}  // namespace
}  // namespace holdfast::control
