#include "gateway/net/chunked.h"
#include "upstream_support.h"

// How requests are written, and backpressure both ways.

namespace holdfast::upstream_test {
namespace {

TEST(UpstreamRequest, WritesItsHeadAndIgnoresFramingThatIsGiven) {
  std::string head;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    head = peer.read_head();
    peer.answer("");
    peer.ended();
  });
  Rig rig;
  auto request = Rig::get_request(backend.endpoint, "/a%20b?c=d");
  for (const char* name : {"Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "Proxy-Connection"})
    request.head.headers.add(name, "7");
  request.head.headers.add("X-Two", "1");
  request.head.headers.add("X-Two", "2");
  EXPECT_TRUE(rig.request(std::move(request)).wait().ok());
  EXPECT_EQ(head, "GET /a%20b?c=d HTTP/1.1\r\nHost: backend.test\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n");
}

TEST(UpstreamRequest, SendsHeadAndBodyInOneWrite) {
  std::string all;
  Backend backend([&](Backend& b) {
    for (int i = 0; i < 2; ++i) {
      static thread_local Peer peer;
      if (i == 0) peer = b.accept();
      char buffer[4096];
      const ssize_t got = ::recv(peer.socket(), buffer, sizeof buffer, 0);
      all.append(buffer, static_cast<size_t>(got)).append("|");
      peer.answer("");
      if (i == 1) peer.close();
    }
  });
  Rig rig;
  for (int i = 0; i < 2; ++i) {  // over a new connection and over a kept one
    auto& recorder = rig.recorder();
    // What a proxy does: it asks its own client for the body, which comes at the end of the turn.
    recorder.ready = [&] { rig.loop().at_turn_end([&] { recorder.call->send(Bytes::literal("body"), true); }); };
    rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::length, 4})); });
    EXPECT_TRUE(recorder.wait().ok());
  }
  backend.finish();
  const std::string one = "POST / HTTP/1.1\r\nHost: backend.test\r\nContent-Length: 4\r\n\r\nbody|";
  EXPECT_EQ(all, one + one);
  EXPECT_EQ(rig.connects(), 1);
}

TEST(UpstreamRequest, SendsItsHeadWithoutWaitingForTheBody) {
  std::promise<void> head_there;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    EXPECT_FALSE(peer.read_head().empty());
    head_there.set_value();
    EXPECT_EQ(peer.read(4), "body");
    peer.answer("done");
    peer.ended();
  });
  Rig rig;
  auto& recorder = rig.request(Rig::post_request(backend.endpoint, {Framing::length, 4}));
  head_there.get_future().wait();
  rig.on_loop([&] { EXPECT_TRUE(recorder.call->send(Bytes::literal("body"), true)); });
  EXPECT_EQ(recorder.wait().body, "done");
}

TEST(UpstreamRequest, SendsChunksAndReusesTheConnection) {
  std::string got;
  const std::string big(5000, 'b');
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    got = peer.read_head();
    got += peer.read_until("\r\n0\r\n\r\n");
    peer.answer("1");
    peer.read_head();
    peer.answer("2");
    peer.ended();
  });
  Rig rig;
  auto& recorder = rig.recorder();
  recorder.ready = [&] {
    recorder.call->send(Bytes::literal("abc"), false);
    recorder.call->send(Bytes(big), false);
    recorder.call->send(Bytes(), true);
    recorder.call->send(Bytes::literal("too late"), true);
  };
  rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::chunked, 0})); });
  EXPECT_TRUE(recorder.wait().ok());
  EXPECT_EQ(got, "POST / HTTP/1.1\r\nHost: backend.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1388\r\n" + big + "\r\n0\r\n\r\n");
  EXPECT_EQ(rig.get(backend.endpoint).wait().body, "2");
  EXPECT_EQ(rig.connects(), 1);
}

TEST(UpstreamRequest, NeverSendsMoreThanTheLengthItSaid) {
  std::string body;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    body = peer.read(4);
    peer.answer("1");
    EXPECT_TRUE(peer.ended()) << "nothing more, or it would be the next request";
  });
  {
    Rig rig;
    auto& recorder = rig.recorder();
    recorder.ready = [&] { recorder.call->send(Bytes::literal("bodyGET /smuggled HTTP/1.1\r\n\r\n"), true); };
    rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::length, 4})); });
    EXPECT_TRUE(recorder.wait().ok());
  }
  backend.finish();
  EXPECT_EQ(body, "body");
}

TEST(UpstreamRequest, ThatEndsShortOfItsLengthFailsAndClosesTheConnection) {
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_until("never");
  });
  Rig rig;
  auto& recorder = rig.recorder();
  recorder.ready = [&] { recorder.inside_call([&] { recorder.call->send(Bytes::literal("bo"), true); }); };
  rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::length, 4})); });
  const auto seen = recorder.wait();
  EXPECT_EQ(seen.order, "RX");
  EXPECT_EQ(seen.error, UpstreamError::before_head);
  backend.finish();
}

TEST(UpstreamRequest, WithALineBreakInAHeaderIsNotSent) {
  Rig rig;
  auto endpoint = refused_endpoint();
  for (const char* value : {"a\r\nX-Smuggled: b", "a\nb", "a\rb"}) {
    auto request = Rig::get_request(endpoint);
    request.head.headers.add("Grip-Last", value);
    const auto seen = rig.request(std::move(request)).wait();
    EXPECT_EQ(seen.error, UpstreamError::connect_failed);
    EXPECT_NE(seen.text.find("line break"), std::string::npos) << seen.text;
  }
}

TEST(UpstreamRequest, IsAnsweredEarlyAndItsConnectionNotReused) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    EXPECT_TRUE(peer.ended());
    auto fresh = b.accept();
    fresh.read_head();
    fresh.answer("fresh");
    fresh.ended();
  });
  Rig rig;
  auto& recorder = rig.request(Rig::post_request(backend.endpoint, {Framing::length, 1'000'000}));
  const auto seen = recorder.wait();
  EXPECT_EQ(seen.order, "RHBE");
  EXPECT_EQ(seen.head.status, 413);
  rig.on_loop([&] { EXPECT_TRUE(recorder.call->send(Bytes::literal("nobody wants this"), false)); });
  EXPECT_EQ(rig.get(backend.endpoint).wait().body, "fresh");
}

TEST(UpstreamRequest, HearsTheAnswerOfAPeerThatStoppedListening) {
  std::promise<void> head_there, go, closed;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    head_there.set_value();
    go.get_future().wait();
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    peer.close();
    closed.set_value();
  });
  Rig rig;
  auto& recorder = rig.request(Rig::post_request(backend.endpoint, {Framing::chunked, 0}));
  head_there.get_future().wait();
  rig.on_loop([&] {
    go.set_value();
    closed.get_future().wait();
    // The first piece is answered with a reset, the next cannot be written. Neither takes the answer away.
    recorder.call->send(Bytes(std::string(10'000, 'x')), false);
    EXPECT_FALSE(recorder.call->send(Bytes(std::string(10'000, 'x')), false));
  });
  const auto seen = recorder.wait();
  EXPECT_EQ(seen.order, "RHBE") << seen.text;
  EXPECT_EQ(seen.head.status, 413);
  EXPECT_EQ(seen.body, "no");
}

TEST(UpstreamRequest, BodyWaitsForASlowReader) {
  constexpr size_t kSize = 20'000'000;
  std::promise<void> read_now;
  size_t arrived = 0;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    read_now.get_future().wait();
    while (arrived < kSize) {
      const size_t got = peer.read(std::min<size_t>(kSize - arrived, 1 << 20)).size();
      if (got == 0) break;
      arrived += got;
    }
    peer.answer("done");
  });
  Rig rig;
  auto& recorder = rig.recorder();
  size_t sent = 0;
  std::atomic<bool> full = false;
  const Bytes piece(std::string(50'000, 'x'));
  recorder.ready = [&] {
    while (sent < kSize) {
      sent += piece.size();
      if (!recorder.call->send(piece, sent == kSize)) {
        full = true;
        return;
      }
    }
  };
  rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(backend.endpoint, {Framing::length, kSize})); });
  EXPECT_TRUE(rig.wait_on_loop([&] { return full.load(); }));
  rig.on_loop([&] { EXPECT_LT(sent, kSize) << "the kernel's buffers and one queue are not that large"; });
  read_now.set_value();
  const auto seen = recorder.wait();
  EXPECT_TRUE(seen.ok()) << seen.text;
  backend.finish();
  EXPECT_EQ(arrived, kSize);
}

TEST(UpstreamRequest, PausedReadsNothingMore) {
  constexpr size_t kSize = 50'000'000;
  std::promise<size_t> stuck_at;
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    const std::string piece(1 << 16, 'x');
    const timeval soon{0, 100'000};
    ::setsockopt(peer.socket(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    size_t sent = 0;
    bool told = false;
    while (sent < kSize) {
      const ssize_t now = ::send(peer.socket(), piece.data(), std::min(piece.size(), kSize - sent), MSG_NOSIGNAL);
      if (now > 0) sent += static_cast<size_t>(now);
      if (now < 0 && !std::exchange(told, true)) stuck_at.set_value(sent);
    }
    if (!told) stuck_at.set_value(sent);
    peer.ended();
  });
  Rig rig;
  auto& recorder = rig.recorder();
  recorder.at_head = [&] { recorder.call->pause(); };
  recorder.at_body = [&] { recorder.call->pause(); };
  rig.on_loop([&] { rig.request_here(recorder, Rig::get_request(backend.endpoint)); });

  EXPECT_LT(stuck_at.get_future().get(), kSize) << "backpressure reaches the backend";
  EXPECT_EQ(recorder.now().order, "H") << "not even what was read with the head";
  rig.on_loop([&] {
    recorder.inside_call([&] {
      recorder.call->resume();
      recorder.call->pause();
      recorder.call->resume();
    });
  });
  EXPECT_LE(recorder.wait([](const auto& seen) { return seen.pieces == 1; }).body.size(), 65536U) << "one buffer, then paused again";
  rig.on_loop([&] {
    recorder.at_body = [&] {
      recorder.call->pause();
      rig.loop().post([&] { recorder.call->resume(); });
    };
    recorder.call->resume();
  });
  const auto seen = recorder.wait();
  EXPECT_EQ(seen.order, "HBE") << seen.text;
  EXPECT_EQ(seen.body.size(), kSize);
}

TEST(UpstreamRequest, PausedInItsHeadHearsTheRestAfterwards) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    peer.read_head();
    peer.answer("again");
    peer.ended();
  });
  Rig rig;
  auto& recorder = rig.recorder();
  bool resumed = false;
  recorder.at_head = [&] { recorder.call->pause(); };
  recorder.at_body = [&] { EXPECT_TRUE(resumed) << "read with the head, told into the pause"; };
  rig.on_loop([&] { rig.request_here(recorder, Rig::get_request(backend.endpoint)); });
  recorder.wait([](const auto& seen) { return seen.order == "H"; });
  rig.on_loop([&] {
    resumed = true;
    recorder.inside_call([&] { recorder.call->resume(); });
  });
  const auto seen = recorder.wait();
  EXPECT_EQ(seen.order, "HBE");
  EXPECT_EQ(seen.body, "abc");
  EXPECT_EQ(rig.get(backend.endpoint).wait().body, "again");
  EXPECT_EQ(rig.connects(), 1);
}

}  // namespace
}  // namespace holdfast::upstream_test
