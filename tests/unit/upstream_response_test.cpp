#include "upstream_support.h"

// How responses are read: every framing, every cut, everything that is no response.

namespace holdfast::upstream_test {
namespace {

struct Case {
  const char* name;
  const char* method;
  std::string response;
  bool closes;        // the backend closes after it
  const char* order;  // what the handler is told
  std::string body;
  bool reused;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Responses : public testing::TestWithParam<Case> {};

TEST_P(Responses, AreReadAsTheirHeadSays) {
  const Case& c = GetParam();
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send(c.response);
    if (!c.closes && c.reused) {
      EXPECT_FALSE(peer.read_head().empty());
      peer.answer("second");
      return;
    }
    if (c.closes) peer.close();
    if (!c.closes) {
      EXPECT_TRUE(peer.ended()) << "the connection stays open";
    }
  });
  Rig rig;
  auto request = Rig::get_request(backend.endpoint);
  request.head.method = c.method;
  const auto seen = rig.request(std::move(request)).wait();
  EXPECT_EQ(seen.order, c.order) << seen.text;
  EXPECT_EQ(seen.body, c.body);
  if (c.reused) {
    EXPECT_EQ(rig.get(backend.endpoint).wait().body, "second");
    EXPECT_EQ(rig.connects(), 1);
  }
  backend.finish();
}

const std::string kOk = "HTTP/1.1 200 OK\r\n";

INSTANTIATE_TEST_SUITE_P(
    Upstream, Responses,
    testing::Values(
        Case{"Length", "GET", kOk + "Content-Length: 5\r\n\r\nhello", false, "HBE", "hello", true},
        Case{"EmptyLength", "GET", kOk + "Content-Length: 0\r\n\r\n", false, "HE", "", true},
        Case{"Chunked", "GET", kOk + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n", false, "HBE",
             "abcde", true},
        Case{"EmptyChunked", "GET", kOk + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, "HE", "", true},
        Case{"UntilClose", "GET", kOk + "\r\nall of it", true, "HBE", "all of it", false},
        Case{"EmptyUntilClose", "GET", kOk + "\r\n", true, "HE", "", false},
        Case{"Head", "HEAD", kOk + "Content-Length: 500\r\n\r\n", false, "HE", "", true},
        Case{"HeadChunked", "HEAD", kOk + "Transfer-Encoding: chunked\r\n\r\n", false, "HE", "", true},
        Case{"NoContent", "GET", "HTTP/1.1 204 No Content\r\n\r\n", false, "HE", "", true},
        Case{"NotModified", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", false, "HE", "", true},
        Case{"InterimHeads", "GET",
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + kOk + "Content-Length: 2\r\n\r\nok", false,
             "HBE", "ok", true},
        Case{"SaysClose", "GET", kOk + "Connection: close\r\nContent-Length: 2\r\n\r\nok", false, "HBE", "ok", false},
        Case{"Old", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "HBE", "ok", false},
        Case{"OldKeepAlive", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", false, "HBE", "ok", true},
        Case{"OldChunked", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
             false, "HBE", "ok", false},
        Case{"KeepAliveZero", "GET", kOk + "Keep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok", false, "HBE", "ok", false},
        Case{"ExtraBytes", "GET", kOk + "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", false, "HBE", "ok", false},
        Case{"ExtraBytesAfterChunks", "GET", kOk + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n", false, "HE", "", false},
        Case{"BodyWhereNoneMayBe", "GET", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, "HE", "",
             false},
        Case{"DiesInLength", "GET", kOk + "Content-Length: 9\r\n\r\nhalf", true, "HBX", "half", false},
        Case{"DiesInChunk", "GET", kOk + "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", true, "HBX", "half", false},
        Case{"DiesBeforeLastChunk", "GET", kOk + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", true, "HBX", "half", false},
        Case{"GarbageChunk", "GET", kOk + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", false, "HBX", "half", false}),
    [](const auto& instance) { return instance.param.name; });

class NoResponses : public testing::TestWithParam<std::pair<const char*, std::string>> {};

TEST_P(NoResponses, AreAnErrorBeforeTheHeadAndCloseTheConnection) {
  Backend backend([&](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send(GetParam().second);
    EXPECT_TRUE(peer.ended());
  });
  Rig rig;
  const auto seen = rig.get(backend.endpoint).wait();
  EXPECT_EQ(seen.order, "X");
  EXPECT_EQ(seen.error, UpstreamError::before_head) << seen.text;
  EXPECT_FALSE(seen.text.empty());
  EXPECT_EQ(rig.outcomes("before_head"), 1);
  backend.finish();
}

INSTANTIATE_TEST_SUITE_P(
    Upstream, NoResponses,
    testing::Values(std::pair{"NoHttp", std::string("SSH-2.0-OpenSSH_9.2\r\n")},
                    std::pair{"Version2", std::string("HTTP/2.0 200 OK\r\n\r\n")},
                    std::pair{"BareLineFeeds", std::string("HTTP/1.1 200 OK\nContent-Length: 0\n\n")},
                    std::pair{"BothFramings", kOk + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
                    std::pair{"TwoLengths", kOk + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
                    std::pair{"SignedLength", kOk + "Content-Length: +5\r\n\r\nhello"},
                    std::pair{"UnknownCoding", kOk + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
                    std::pair{"FoldedLine", kOk + "A: b\r\n c\r\nContent-Length: 0\r\n\r\n"},
                    std::pair{"SpaceBeforeColon", kOk + "Content-Length : 0\r\n\r\n"},
                    std::pair{"NulInValue", kOk + "A: b" + std::string(1, '\0') + "\r\n\r\n"},
                    std::pair{"StatusOfOneDigit", std::string("HTTP/1.1 2 OK\r\n\r\n")},
                    std::pair{"StatusBelow100", std::string("HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n")},
                    std::pair{"SwitchingProtocols", std::string("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")},
                    std::pair{"HugeHead", kOk + "A: " + std::string(70000, 'x') + "\r\n\r\n"},
                    std::pair{"EndlessHead", kOk + "A: " + std::string(70000, 'x')},
                    std::pair{"EndlessInterimHeads",
                              [] {
                                std::string out;
                                for (int i = 0; i < 4000; ++i) out += "HTTP/1.1 100 Continue\r\n\r\n";
                                return out;
                              }()}),
    [](const auto& instance) { return instance.param.first; });

TEST(UpstreamResponse, IsTheSameWhereverItIsCut) {
  const std::string text = "HTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nX-Long: " + std::string(40, 'y') +
                           "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n";
  Backend backend(
      [&](Backend& b) {
        auto peer = b.accept();
        for (size_t cut = 1; cut < text.size(); ++cut) {
          if (peer.read_head().empty()) return;
          ASSERT_TRUE(peer.send_and_wait_until_read(text.substr(0, cut)));
          peer.send(text.substr(cut));
        }
        peer.read_head();
        for (const char c : text) ASSERT_TRUE(peer.send_and_wait_until_read(std::string(1, c)));
      },
      true);
  Rig rig;
  for (size_t cut = 1; cut <= text.size(); ++cut) {
    const auto seen = rig.get(backend.endpoint).wait();
    ASSERT_EQ(seen.order, "HBE") << cut << " " << seen.text;
    ASSERT_EQ(seen.head.status, 200);
    ASSERT_EQ(seen.head.headers.get("X-Long"), std::string(40, 'y'));
    ASSERT_EQ(seen.body, "hello, world");
  }
  EXPECT_EQ(rig.connects(), 1);
  EXPECT_EQ(rig.outcomes("ok"), static_cast<int64_t>(text.size()));
}

TEST(UpstreamResponse, OfHeadTellsTheLengthOfWhatWouldCome) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    peer.ended();
  });
  Rig rig;
  auto request = Rig::get_request(backend.endpoint);
  request.head.method = "HEAD";
  auto& recorder = rig.request(std::move(request));
  const auto seen = recorder.wait();
  EXPECT_EQ(seen.framing.kind, Framing::none);
  EXPECT_EQ(seen.framing.length, 500U);
}

TEST(UpstreamResponse, ClosedOrResetBeforeAHeadIsNeverTriedAgain) {
  for (const bool reset : {false, true}) {
    for (const char* part : {"", "HTTP/1.1 200 O"}) {
      Backend backend([&](Backend& b) {
        auto peer = b.accept();
        peer.read_head();
        peer.answer("first");
        EXPECT_FALSE(peer.read_head().empty());
        peer.send(part);
        reset ? peer.reset() : peer.close();
      });
      Rig rig;
      EXPECT_TRUE(rig.get(backend.endpoint).wait().ok());
      const auto seen = rig.get(backend.endpoint).wait();
      EXPECT_EQ(seen.order, "X");
      EXPECT_EQ(seen.error, UpstreamError::before_head);
      backend.finish();
      EXPECT_EQ(rig.connects(), 1);
      EXPECT_TRUE(rig.wait_on_loop([&] { return rig.open_connections() == 0; }));
    }
  }
}

TEST(UpstreamResponse, BrokenInItsBodySaysSo) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\n\r\nuntil close");
    // A reset may overtake what was sent: the client says when it has it.
    peer.read_until("seen");
    peer.reset();
  });
  Rig rig;
  auto request = Rig::post_request(backend.endpoint, {Framing::length, 4});
  auto& recorder = rig.recorder();
  recorder.at_body = [&] { recorder.call->send(Bytes::literal("seen"), true); };
  rig.on_loop([&] { rig.request_here(recorder, std::move(request)); });
  const auto seen = recorder.wait();
  EXPECT_EQ(seen.order, "RHBX");
  EXPECT_EQ(seen.error, UpstreamError::mid_body);
  EXPECT_EQ(rig.outcomes("mid_body"), 1);
}

}  // namespace
}  // namespace holdfast::upstream_test
