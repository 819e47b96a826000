#include "upstream_support.h"

// Time-outs, and calls that are given up at every moment.

namespace holdfast::upstream_test {
namespace {

TEST(UpstreamTimeout, EndsARequestThatGetsNoHead) {
  for (const char* part : {"", "HTTP/1.1 200 OK\r\nA: ", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    Backend backend([&](Backend& b) {
      auto peer = b.accept();
      peer.read_head();
      peer.send(part);
      EXPECT_TRUE(peer.ended());
    });
    UpstreamOptions options;
    options.response_timeout = Duration(20);
    Rig rig(options);
    const auto seen = rig.get(backend.endpoint).wait();
    EXPECT_EQ(seen.order, "X");
    EXPECT_EQ(seen.error, UpstreamError::timeout);
    EXPECT_EQ(rig.outcomes("timeout"), 1);
    backend.finish();
  }
}

TEST(UpstreamTimeout, OfTheRequestGoesBeforeTheOption) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    EXPECT_TRUE(peer.ended());
  });
  Rig rig;
  auto request = Rig::get_request(backend.endpoint);
  request.response_timeout = Duration(5);
  EXPECT_EQ(rig.request(std::move(request)).wait().error, UpstreamError::timeout);
}

TEST(UpstreamTimeout, OnAKeptConnectionIsAsShortAsOnANewOne) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.answer("1");
    peer.read_head();
    EXPECT_TRUE(peer.ended());
  });
  Rig rig;
  EXPECT_TRUE(rig.get(backend.endpoint).wait().ok());
  auto request = Rig::get_request(backend.endpoint);
  request.response_timeout = Duration(5);
  EXPECT_EQ(rig.request(std::move(request)).wait().error, UpstreamError::timeout);
}

TEST(UpstreamTimeout, EndsABodyThatStalls) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    EXPECT_TRUE(peer.ended());
  });
  UpstreamOptions options;
  options.response_timeout = Duration(20);
  Rig rig(options);
  const auto seen = rig.get(backend.endpoint).wait();
  EXPECT_EQ(seen.order, "HBX");
  EXPECT_EQ(seen.error, UpstreamError::mid_body);
  EXPECT_NE(seen.text.find("stalled"), std::string::npos) << seen.text;
}

TEST(UpstreamTimeout, DoesNotCountWhileTheHandlerPausesOrOwesItsBody) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    EXPECT_EQ(peer.read(4), "body");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    peer.read_until("never");
  });
  UpstreamOptions options;
  options.response_timeout = Duration(5);
  Rig rig(options);
  auto& recorder = rig.recorder();
  recorder.at_body = [&] { recorder.call->pause(); };
  CallbackTimer later;
  recorder.ready = [&] {
    later.set_callback([&] {
      EXPECT_FALSE(recorder.now().over());
      recorder.call->send(Bytes::literal("body"), true);
    });
    rig.loop().timers().set_in(later, Duration(40));
  };
  rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::length, 4})); });
  recorder.wait([](const auto& seen) { return !seen.body.empty(); });
  std::promise<void> passed;
  rig.on_loop([&] {
    later.set_callback([&] { passed.set_value(); });
    rig.loop().timers().set_in(later, Duration(40));
  });
  passed.get_future().wait();
  EXPECT_EQ(recorder.now().order, "RHB");
  rig.on_loop([&] { recorder.call->resume(); });
  EXPECT_EQ(recorder.wait().error, UpstreamError::mid_body) << "and counts again";
}

TEST(UpstreamTimeout, EndsARequestWhoseBodyIsNotRead) {
  std::promise<void> over;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    over.get_future().wait();
  });
  UpstreamOptions options;
  options.response_timeout = Duration(20);
  Rig rig(options);
  auto& recorder = rig.recorder();
  recorder.ready = [&] {
    while (recorder.call->send(Bytes(std::string(50'000, 'x')), false)) {
    }
  };
  rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::chunked, 0})); });
  EXPECT_EQ(recorder.wait().error, UpstreamError::timeout);
  over.set_value();
}

struct Moment {
  const char* name;
  std::function<void()> Recorder::* hook;
};
class GivenUp : public testing::TestWithParam<Moment> {};

TEST_P(GivenUp, InACallbackNothingFollowsAndTheClientGoesOn) {
  const bool fails = GetParam().hook == &Recorder::at_error;
  for (const bool kept : {false, true}) {
    Backend backend([&](Backend& b) {
      Peer peer = b.accept();
      if (kept) {
        peer.read_head();
        peer.answer("warm");
      }
      if (!peer.read_head().empty() && peer.read(4) == "body") {
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        peer.send(fails ? "zz\r\n" : "2\r\nde\r\n0\r\n\r\n");
      }
      // The last request comes here, or over a new connection if this one was closed.
      if (peer.read_head().empty()) {
        peer = b.accept();
        peer.read_head();
      }
      peer.answer("last");
    });
    Rig rig;
    if (kept) {
      EXPECT_TRUE(rig.get(backend.endpoint).wait().ok());
    }
    auto& recorder = rig.recorder();
    std::atomic<bool> dropped = false;
    if (GetParam().hook != &Recorder::ready) {
      recorder.ready = [&] { recorder.call->send(Bytes::literal("body"), true); };
    }
    recorder.*GetParam().hook = [&] {
      recorder.call.reset();
      dropped = true;
    };
    rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::length, 4})); });
    EXPECT_TRUE(rig.wait_on_loop([&] { return dropped.load(); }));
    const std::string told = recorder.now().order;
    EXPECT_EQ(rig.get(backend.endpoint).wait().body, "last");
    EXPECT_EQ(recorder.now().order, told);
    backend.finish();
  }
}

INSTANTIATE_TEST_SUITE_P(Upstream, GivenUp,
                         testing::Values(Moment{"SendReady", &Recorder::ready}, Moment{"Head", &Recorder::at_head},
                                         Moment{"Body", &Recorder::at_body}, Moment{"End", &Recorder::at_end},
                                         Moment{"Error", &Recorder::at_error}),
                         [](const auto& instance) { return instance.param.name; });

TEST(GivenUpCall, WhileItConnectsWaitsOrResolvesLeavesNothing) {
  Backend backend([](Backend& b) {
    for (;;) {
      auto peer = b.accept();
      if (peer.read_head().empty()) continue;  // given up
      peer.answer("x");
      peer.ended();
      return;
    }
  });
  UpstreamOptions options;
  options.max_connections_per_target = 1;
  Rig rig(options);
  auto named = backend.endpoint;
  named.host = "localhost";
  rig.on_loop([&] {
    for (const auto& endpoint : {backend.endpoint, named}) {
      auto& connecting = rig.recorder();
      auto& waiting = rig.recorder();
      rig.request_here(connecting, Rig::get_request(endpoint));
      rig.request_here(waiting, Rig::get_request(endpoint));
      EXPECT_EQ(rig.metric("holdfast_upstream_waiting"), 1);
      connecting.call.reset();
      waiting.call.reset();
      EXPECT_EQ(rig.metric("holdfast_upstream_waiting"), 0);
    }
  });
  EXPECT_EQ(rig.outcomes("abandoned"), 4);
  EXPECT_EQ(rig.get(backend.endpoint).wait().body, "x");
}

TEST(GivenUpCall, LetsTheOneThatWaitsGoOn) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    EXPECT_TRUE(peer.ended()) << "a given-up request's connection is closed";
    auto fresh = b.accept();
    fresh.read_head();
    fresh.answer("second");
    fresh.ended();
  });
  UpstreamOptions options;
  options.max_connections_per_target = 1;
  Rig rig(options);
  auto& first = rig.get(backend.endpoint);
  auto& second = rig.get(backend.endpoint);
  EXPECT_TRUE(rig.wait_on_loop([&] { return rig.connects() == 1; }));
  rig.on_loop([&] { first.call.reset(); });
  EXPECT_EQ(second.wait().body, "second");
}

TEST(GivenUpCall, MayGoTogetherWithItsClientInACallback) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    EXPECT_TRUE(peer.ended());
  });
  Rig rig;
  auto& recorder = rig.recorder();
  recorder.at_body = [&] {
    rig.drop_client();
    recorder.call.reset();
  };
  rig.on_loop([&] { rig.request_here(recorder, Rig::get_request(backend.endpoint)); });
  backend.finish();
  EXPECT_EQ(recorder.now().order, "HB");
}

TEST(GivenUpCall, OutlivesItsClient) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.answer("all the same");
    EXPECT_TRUE(peer.ended()) << "nothing is kept for a client that is gone";
  });
  Rig rig;
  Recorder& recorder = rig.recorder();
  rig.on_loop([&] {
    rig.request_here(recorder, Rig::get_request(backend.endpoint));
    rig.drop_client();
  });
  EXPECT_EQ(recorder.wait().body, "all the same");
}

}  // namespace
}  // namespace holdfast::upstream_test
