#include <netdb.h>

#include "upstream_tls_support.h"

// Making connections: refused, blocked and silent endpoints, names, Unix sockets, TLS.

namespace holdfast::upstream_test {
namespace {

void serve_one(Backend& b) {
  auto peer = b.accept();
  peer.read_head();
  peer.answer("here");
  peer.ended();
}

TEST(UpstreamDial, GoesOnToTheNextEndpointAndSaysWhereItIs) {
  Backend backend(serve_one);
  Rig rig;
  auto request = Rig::get_request(refused_endpoint());
  request.endpoints.push_back(Endpoint{.host = "127.0.0.1", .port = 1, .public_only = true});
  request.endpoints.push_back(backend.endpoint);
  auto& recorder = rig.request(std::move(request));
  EXPECT_EQ(recorder.wait().body, "here");
  rig.on_loop([&] { EXPECT_EQ(recorder.call->endpoint(), backend.endpoint); });
}

TEST(UpstreamDial, NamesAllThatWasTried) {
  Rig rig;
  const auto refused = refused_endpoint();
  auto request = Rig::get_request(refused);
  request.endpoints.push_back(Endpoint{.host = "/nowhere/socket", .unix_socket = true});
  const auto seen = rig.request(std::move(request)).wait();
  EXPECT_EQ(seen.order, "X");
  EXPECT_EQ(seen.error, UpstreamError::connect_failed);
  EXPECT_EQ(seen.text, to_string(refused) + ": connection refused, unix:/nowhere/socket: no such file or directory");
  EXPECT_EQ(rig.open_connections(), 0);
  EXPECT_EQ(rig.connects(), 0);
}

TEST(UpstreamDial, WithoutAnEndpointFails) {
  Rig rig;
  UpstreamRequest request;
  request.head.method = "GET";
  request.head.target = "/";
  auto& recorder = rig.request(std::move(request));
  EXPECT_EQ(recorder.wait().error, UpstreamError::connect_failed);
  rig.on_loop([&] { EXPECT_EQ(recorder.call->endpoint(), Endpoint()); });
}

TEST(UpstreamDial, TriesAllAddressesOfAName) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  ASSERT_EQ(::getaddrinfo("localhost", nullptr, &hints, &found), 0);
  // Somebody listens on one of them only: where the name stands for several, one of these takes more than one try.
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Address address;
    address.length = each->ai_addrlen;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    Backend backend(serve_one, false, to_string(address));
    Rig rig;
    auto endpoint = backend.endpoint;
    endpoint.host = "localhost";
    const auto seen = rig.get(endpoint).wait();
    EXPECT_EQ(seen.body, "here") << to_string(address) << " " << seen.text;
  }
  ::freeaddrinfo(found);
}

TEST(UpstreamDial, FailsForANameThatDoesNotExist) {
  Rig rig;
  for (const char* host : {"no-such-host.invalid", "", "a b", "127.0.0.1.5.6"}) {
    const auto seen = rig.get(Endpoint{.host = host, .port = 80}).wait();
    EXPECT_EQ(seen.error, UpstreamError::connect_failed) << host;
    EXPECT_TRUE(seen.text.starts_with(std::string(host) + ":80: ")) << seen.text;
  }
}

TEST(UpstreamDial, RefusesAddressesThatAreNotPublic) {
  Backend backend([](Backend&) {});
  Rig rig;
  for (const char* host : {"127.0.0.1", "localhost", "127.1", "::ffff:127.0.0.1", "[::1]", "0"}) {
    auto endpoint = backend.endpoint;
    endpoint.host = host;
    endpoint.public_only = true;
    const auto seen = rig.get(endpoint).wait();
    EXPECT_EQ(seen.order, "X");
    EXPECT_EQ(seen.error, UpstreamError::blocked) << host << " " << seen.text;
  }
  EXPECT_EQ(rig.get(Endpoint{.host = "/run/x", .unix_socket = true, .public_only = true}).wait().error, UpstreamError::blocked);
  EXPECT_EQ(rig.outcomes("blocked"), 7);
}

TEST(UpstreamDial, ReachesUnixSockets) {
  Backend backend(serve_one, true);
  Rig rig;
  EXPECT_EQ(rig.get(backend.endpoint).wait().body, "here");
}

TEST(UpstreamDial, TimesOutWhereNobodyAccepts) {
  // A queue of one that is full: the kernel leaves further connections unanswered.
  Backend backend([](Backend&) {});
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size);
  std::vector<int> fill;
  for (int i = 0; i < 4; ++i) {
    fill.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(fill.back(), reinterpret_cast<sockaddr*>(&name), size);
  }
  UpstreamOptions options;
  options.connect_timeout = Duration(20);
  {
    Rig rig(options);
    const auto seen = rig.get(Endpoint{.host = "127.0.0.1", .port = ntohs(name.sin_port)}).wait();
    EXPECT_EQ(seen.error, UpstreamError::connect_failed);
    EXPECT_NE(seen.text.find("timed out"), std::string::npos) << seen.text;
  }
  for (const int socket : fill) ::close(socket);
  ::close(listener);
}

// ---- TLS

class UpstreamTls : public testing::Test {
 protected:
  static Certificates& certificates() {
    static Certificates made;
    return made;
  }
  static UpstreamOptions trusting() {
    UpstreamOptions options;
    options.ca_file = certificates().ca_file();
    return options;
  }
  static Endpoint over_tls(const Backend& backend, const std::string& name) {
    Endpoint endpoint = backend.endpoint;
    endpoint.tls = true;
    endpoint.server_name = name;
    return endpoint;
  }
};

TEST_F(UpstreamTls, VerifiesAndKeepsTheConnection) {
  std::string name;
  Backend backend([&](Backend& b) {
    TlsPeer peer(b.accept(), certificates());
    name = peer.server_name();
    for (int i = 0; i < 3; ++i) {
      EXPECT_FALSE(peer.read_head().empty());
      peer.answer(std::string(100'000, 'x'));
    }
    peer.read_head();
  });
  {
    Rig rig(trusting());
    for (int i = 0; i < 3; ++i) {
      const auto seen = rig.get(over_tls(backend, "backend.test")).wait();
      EXPECT_EQ(seen.order, "HBE") << seen.text;
      EXPECT_EQ(seen.body.size(), 100'000U);
    }
    EXPECT_EQ(rig.connects(), 1);
  }
  backend.finish();
  EXPECT_EQ(name, "backend.test");
}

TEST_F(UpstreamTls, SendsABodyToo) {
  Backend backend([&](Backend& b) {
    TlsPeer peer(b.accept(), certificates());
    const std::string head = peer.read_head();
    peer.answer(head.substr(head.find("\r\n\r\n") + 4));
    peer.read_head();
  });
  Rig rig(trusting());
  auto& recorder = rig.recorder();
  recorder.ready = [&] { recorder.call->send(Bytes::literal("body"), true); };
  rig.on_loop([&] { rig.request_here(recorder, Rig::post_request(over_tls(backend, "backend.test"), {Framing::length, 4})); });
  EXPECT_EQ(recorder.wait().body, "body") << "head and body came in one record";
}

TEST_F(UpstreamTls, RefusesAWrongNameAnUnknownAuthorityAndWhatIsNoTls) {
  const auto expect_refused = [](const UpstreamOptions& options, const std::string& name, bool tls) {
    Backend backend([&](Backend& b) {
      auto peer = b.accept();
      if (tls) {
        TlsPeer secure(std::move(peer), certificates());
        EXPECT_TRUE(secure.read_head().empty()) << "nothing of the request may be sent";
      } else {
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.close();
      }
    });
    Rig rig(options);
    const auto seen = rig.get(over_tls(backend, name)).wait();
    EXPECT_EQ(seen.order, "X");
    EXPECT_EQ(seen.error, UpstreamError::connect_failed) << seen.text;
    EXPECT_NE(seen.text.find("TLS handshake failed"), std::string::npos) << seen.text;
    EXPECT_TRUE(seen.text.starts_with(to_string(backend.endpoint))) << seen.text;
  };
  expect_refused(trusting(), "other.test", true);
  expect_refused({}, "backend.test", true);
  expect_refused(trusting(), "backend.test", false);
}

TEST_F(UpstreamTls, DoesNotVerifyWhenToldSo) {
  Backend backend([&](Backend& b) {
    TlsPeer peer(b.accept(), certificates());
    peer.read_head();
    peer.answer("unverified");
    peer.read_head();
  });
  Rig rig;
  auto endpoint = over_tls(backend, "other.test");
  endpoint.verify = false;
  EXPECT_EQ(rig.get(endpoint).wait().body, "unverified");
}

TEST_F(UpstreamTls, VerifiesTheAddressIfThatIsItsName) {
  Backend backend([&](Backend& b) {
    TlsPeer peer(b.accept(), certificates());
    peer.read_head();
    peer.answer("by address");
    peer.read_head();
  });
  Rig rig(trusting());
  EXPECT_EQ(rig.get(over_tls(backend, "")).wait().body, "by address");
}

TEST_F(UpstreamTls, TakesACutForACut) {
  for (const bool goodbye : {true, false}) {
    Backend backend([&](Backend& b) {
      TlsPeer peer(b.accept(), certificates());
      peer.read_head();
      peer.send("HTTP/1.1 200 OK\r\n\r\nuntil close");
      if (goodbye) peer.say_goodbye();
      peer.close();
    });
    Rig rig(trusting());
    const auto seen = rig.get(over_tls(backend, "backend.test")).wait();
    EXPECT_EQ(seen.order, goodbye ? "HBE" : "HBX") << "an end without a goodbye may be an attacker's";
    EXPECT_EQ(seen.body, "until close");
  }
}

TEST_F(UpstreamTls, TimesOutOnAPeerThatSaysNothing) {
  Backend backend([](Backend& b) {
    auto peer = b.accept();
    peer.read_until("never");
  });
  UpstreamOptions options = trusting();
  options.connect_timeout = Duration(20);
  Rig rig(options);
  const auto seen = rig.get(over_tls(backend, "backend.test")).wait();
  EXPECT_EQ(seen.error, UpstreamError::connect_failed);
  EXPECT_NE(seen.text.find("timed out"), std::string::npos) << seen.text;
}

TEST_F(UpstreamTls, WithUnusableFilesFailsOnlyWhatNeedsThem) {
  Backend backend([](Backend& b) {
    for (int i = 0; i < 2; ++i) b.accept().read_until("never");
  });
  UpstreamOptions options;
  options.ca_file = "/nowhere/ca.pem";
  Rig rig(options);
  EXPECT_EQ(rig.get(over_tls(backend, "backend.test")).wait().error, UpstreamError::connect_failed);
  Rig other(trusting());
  auto endpoint = over_tls(backend, "backend.test");
  endpoint.client_cert = certificates().cert_file();
  endpoint.client_key = certificates().ca_file();
  const auto seen = other.get(endpoint).wait();
  EXPECT_EQ(seen.error, UpstreamError::connect_failed);
  EXPECT_NE(seen.text.find("ca.pem"), std::string::npos) << seen.text;
}

}  // namespace
}  // namespace holdfast::upstream_test
