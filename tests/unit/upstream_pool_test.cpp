#include "upstream_support.h"

// Which connection a request gets: kept, new, or after waiting.

namespace holdfast::upstream_test {
namespace {

UpstreamOptions one_connection() {
  UpstreamOptions options;
  options.max_connections_per_target = 1;
  options.max_waiting_per_target = 1;
  return options;
}

TEST(UpstreamPool, KeepsConnectionsAndUsesTheLastOneFirst) {
  std::promise<void> both_open;
  Backend backend([&](Backend& b) {
    auto first = b.accept();
    first.read_head();
    auto second = b.accept();
    second.read_head();
    first.answer("1");
    both_open.get_future().wait();
    second.answer("2");
    for (int i = 0; i < 20; ++i) {
      second.read_head();
      second.answer("kept");
    }
    first.close();
  });
  Rig rig;
  auto& first = rig.get(backend.endpoint);
  auto& second = rig.get(backend.endpoint);
  first.wait();
  both_open.set_value();
  second.wait();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.get(backend.endpoint).wait().body, "kept");
  EXPECT_EQ(rig.connects(), 2);
  EXPECT_TRUE(rig.wait_on_loop([&] { return rig.open_connections() == 0; })) << "closed ones are noticed while they idle";
}

TEST(UpstreamPool, HandsAConnectionOnFromInsideTheEnd) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    for (const char* body : {"1", "2"}) {
      peer.read_head();
      peer.answer(body);
    }
    peer.ended();
  });
  Rig rig;
  auto& first = rig.recorder();
  auto& second = rig.recorder();
  first.at_end = [&] { rig.request_here(second, Rig::get_request(backend.endpoint)); };
  rig.on_loop([&] { rig.request_here(first, Rig::get_request(backend.endpoint)); });
  EXPECT_EQ(second.wait().body, "2");
  EXPECT_EQ(rig.connects(), 1);
}

TEST(UpstreamPool, DropsIdleConnectionsThatSayOrEndSomething) {
  for (const char* stray : {"", "HTTP/1.1 408 Request Timeout\r\n\r\n"}) {
    Backend backend([&](Backend& b) {
      auto peer = b.accept();
      peer.read_head();
      peer.answer("1");
      peer.read_until("never");  // held until the client is told below, then ended by the client or by us
    });
    // The first connection: its peer speaks or ends out of turn while it idles.
    Backend chatty([&](Backend& b) {
      auto peer = b.accept();
      peer.read_head();
      peer.answer("1");
      peer.send(stray);
      if (*stray == '\0')
        peer.close();
      else
        EXPECT_TRUE(peer.ended());
      auto fresh = b.accept();
      fresh.read_head();
      fresh.answer("2");
      fresh.ended();
    });
    Rig rig;
    EXPECT_TRUE(rig.get(chatty.endpoint).wait().ok());
    EXPECT_TRUE(rig.wait_on_loop([&] { return rig.open_connections() == 0; }));
    EXPECT_EQ(rig.get(chatty.endpoint).wait().body, "2");
    EXPECT_EQ(rig.connects(), 2);
    rig.get(backend.endpoint).wait();
  }
}

TEST(UpstreamPool, LooksAtAConnectionBeforeItIsUsed) {
  // The loop has no chance to notice the end: it comes while the loop is busy, just before the next request.
  std::promise<void> closed;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.answer("1");
    peer.close();
    closed.set_value();
    auto fresh = b.accept();
    fresh.read_head();
    fresh.answer("2");
    fresh.ended();
  });
  Rig rig;
  auto& first = rig.recorder();
  auto& second = rig.recorder();
  first.at_end = [&] {
    closed.get_future().wait();
    rig.request_here(second, Rig::get_request(backend.endpoint));
  };
  rig.on_loop([&] { rig.request_here(first, Rig::get_request(backend.endpoint)); });
  EXPECT_EQ(second.wait().body, "2");
  EXPECT_EQ(rig.connects(), 2);
}

TEST(UpstreamPool, ReplacesAConnectionThatTookNothingWithoutLosingTheBody) {
  std::promise<void> reset, go;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.answer("1");
    go.get_future().wait();
    peer.reset();
    reset.set_value();
    auto fresh = b.accept();
    EXPECT_NE(fresh.read_head().find("Content-Length: 4\r\n"), std::string::npos);
    EXPECT_EQ(fresh.read(4), "body");
    fresh.answer("2");
    EXPECT_TRUE(fresh.ended());
  });
  Rig rig;
  EXPECT_TRUE(rig.get(backend.endpoint).wait().ok());
  auto& recorder = rig.recorder();
  recorder.ready = [&] {  // after the look, before the first write
    go.set_value();
    reset.get_future().wait();
    recorder.call->send(Bytes::literal("body"), true);
  };
  rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::length, 4})); });
  const auto seen = recorder.wait();
  EXPECT_EQ(seen.order, "RHBE");
  EXPECT_EQ(seen.body, "2");
  EXPECT_EQ(rig.connects(), 2);
}

TEST(UpstreamPool, LetsRequestsWaitAndRefusesWhatIsTooMuch) {
  std::promise<void> refused;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    refused.get_future().wait();
    peer.answer("1");
    peer.read_head();
    peer.answer("2");
    peer.ended();
  });
  Rig rig(one_connection());
  auto& first = rig.get(backend.endpoint);
  auto& second = rig.get(backend.endpoint);
  EXPECT_EQ(rig.metric("holdfast_upstream_waiting"), 1);
  const auto third = rig.get(backend.endpoint).wait();
  EXPECT_EQ(third.order, "X");
  EXPECT_EQ(third.error, UpstreamError::overloaded);
  EXPECT_FALSE(second.now().over());
  refused.set_value();
  EXPECT_EQ(first.wait().body, "1");
  EXPECT_EQ(second.wait().body, "2");
  EXPECT_EQ(rig.connects(), 1);
  EXPECT_EQ(rig.metric("holdfast_upstream_waiting"), 0);
}

TEST(UpstreamPool, ServesTheOneThatWaitsBeforeTheOneThatComes) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    for (int i = 0; i < 3; ++i) peer.answer(peer.read_until("\r\n\r\n").substr(4, 2));
    peer.ended();
  });
  auto options = one_connection();
  options.max_waiting_per_target = 10;
  Rig rig(options);
  auto& first = rig.recorder();
  auto& late = rig.recorder();
  first.at_end = [&] { rig.request_here(late, Rig::get_request(backend.endpoint, "/c")); };
  Recorder* second = nullptr;
  rig.on_loop([&] {
    rig.request_here(first, Rig::get_request(backend.endpoint, "/a"));
    second = &rig.recorder();
    second->at_end = [&] { EXPECT_FALSE(late.now().over()); };
    rig.request_here(*second, Rig::get_request(backend.endpoint, "/b"));
  });
  EXPECT_EQ(late.wait().body, "/c");
  EXPECT_EQ(second->wait().body, "/b");
}

TEST(UpstreamPool, GivesTheSlotOfAClosedConnectionToTheOneThatWaits) {
  Backend backend([](Backend& b) {
    for (const char* body : {"1", "2"}) {
      auto peer = b.accept();
      peer.read_head();
      peer.send("HTTP/1.1 200 OK\r\n\r\n");
      peer.send(body);
    }
  });
  Rig rig(one_connection());
  auto& first = rig.get(backend.endpoint);
  auto& second = rig.get(backend.endpoint);
  EXPECT_EQ(first.wait().body, "1");
  EXPECT_EQ(second.wait().body, "2");
}

TEST(UpstreamPool, DoesNotLetRequestsWaitForEver) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    EXPECT_TRUE(peer.ended());
  });
  Rig rig(one_connection());
  auto& first = rig.get(backend.endpoint);
  auto request = Rig::get_request(backend.endpoint);
  request.response_timeout = Duration(5);
  const auto seen = rig.request(std::move(request)).wait();
  EXPECT_EQ(seen.error, UpstreamError::overloaded);
  EXPECT_EQ(rig.metric("holdfast_upstream_waiting"), 0);
  rig.on_loop([&] { first.call.reset(); });
}

TEST(UpstreamPool, ClosesWhatIdlesTooLongOrIsTooMany) {
  Backend backend([](Backend& b) {
    auto first = b.accept();
    first.read_head();
    auto second = b.accept();
    second.read_head();
    first.answer("1");
    second.answer("2");
    EXPECT_TRUE(first.ended());
    EXPECT_TRUE(second.ended());
  });
  UpstreamOptions options;
  options.idle_timeout = Duration(5);
  options.max_idle_per_target = 1;
  Rig rig(options);
  auto& first = rig.get(backend.endpoint);
  auto& second = rig.get(backend.endpoint);
  EXPECT_TRUE(first.wait().ok());
  EXPECT_TRUE(second.wait().ok());
  backend.finish();
  EXPECT_TRUE(rig.wait_on_loop([&] { return rig.open_connections() == 0; }));
}

TEST(UpstreamPool, KeepsEndpointsApart) {
  const auto serve = [](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.answer(std::to_string(b.endpoint.port));
    peer.ended();
  };
  Backend one(serve), two(serve);
  Rig rig;
  EXPECT_EQ(rig.get(one.endpoint).wait().body, std::to_string(one.endpoint.port));
  EXPECT_EQ(rig.get(two.endpoint).wait().body, std::to_string(two.endpoint.port));
}

TEST(UpstreamPool, ForgetsEndpointsThatNobodyUses) {
  // Links of backends may name any number of them: what is refused must leave nothing that slows the others.
  Rig rig;
  const auto refused = refused_endpoint();
  for (int i = 0; i < 600; ++i) {
    auto endpoint = refused;
    endpoint.server_name = std::to_string(i);
    EXPECT_EQ(rig.get(endpoint).wait().error, UpstreamError::connect_failed);
  }
  EXPECT_EQ(rig.outcomes("connect_failed"), 600);
}

}  // namespace
}  // namespace holdfast::upstream_test
