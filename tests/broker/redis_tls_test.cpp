#include "redis_certificates.h"
#include "redis_fixture.h"

namespace holdfast::broker_test {
namespace {

struct TlsServer {
  Authority authority;
  std::string port = RedisServer::free_port();
  RedisServer server{tls_options(port, authority, authority.sign("DNS:localhost,IP:127.0.0.1"))};

  RedisOptions options() const {
    RedisOptions out;
    out.address = "127.0.0.1:" + port;
    out.tls = true;
    out.ca_file = authority.certificate();
    return out;
  }
};

// ---- the contract

TlsServer& shared_server() {
  static TlsServer server;
  return server;
}

class RedisTlsHarness final : public BrokerHarness {
 public:
  std::unique_ptr<Broker> connect() override {
    auto options = shared_server().options();
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<RedisBroker>(options, clock_, metrics_);
  }
  size_t oversize() const override { return 100'001; }

 private:
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kTls{"tls", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<RedisTlsHarness>(); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(RedisTls, BrokerContract, testing::Values(kTls), name);
INSTANTIATE_TEST_SUITE_P(RedisTls, HistoryContract, testing::Values(kTls), name);

// ---- who is trusted

class RedisTlsTest : public RedisTest {
 protected:
  void expect_refused(const RedisOptions& options, const std::string& reason) {
    connect(options);
    const auto said = sink.wait_unhealthy();
    EXPECT_NE(said.find(reason), std::string::npos) << said;
    EXPECT_FALSE(publish("news", "x"));
  }
};

TEST_F(RedisTlsTest, AServerOfAnotherAuthorityIsRefused) {
  TlsServer server;
  const Authority other;
  auto options = server.options();
  options.ca_file = other.certificate();
  expect_refused(options, "the server's certificate: ");
}

TEST_F(RedisTlsTest, AServerWithoutAKnownAuthorityIsRefused) {
  TlsServer server;
  auto options = server.options();
  options.ca_file.clear();
  expect_refused(options, "the server's certificate: ");
}

TEST_F(RedisTlsTest, AServerOfAnotherNameIsRefused) {
  TlsServer server;
  auto options = server.options();
  options.tls_server_name = "redis.test";
  expect_refused(options, "hostname mismatch");
}

TEST_F(RedisTlsTest, AServerOfAnotherAddressIsRefusedUnlessItsNameIsGiven) {
  Authority authority;
  const auto port = RedisServer::free_port();
  const RedisServer server(tls_options(port, authority, authority.sign("DNS:redis.test")));
  RedisOptions options;
  options.address = "127.0.0.1:" + port;
  options.tls = true;
  options.ca_file = authority.certificate();
  expect_refused(options, "IP address mismatch");
  broker->stop();
  options.tls_server_name = "redis.test";
  connect(options);
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(publish("news", "x"));
}

TEST_F(RedisTlsTest, AServerWithoutTlsIsRefused) {
  const RedisServer server;
  RedisOptions options;
  options.address = server.address();
  options.tls = true;
  options.timeout = Duration(300);
  expect_refused(options, "no answer to TLS");
}

TEST_F(RedisTlsTest, AFileThatCannotBeReadIsNamed) {
  RedisOptions options;
  options.tls = true;
  options.ca_file = "/nowhere/ca.crt";
  expect_refused(options, "/nowhere/ca.crt");
}

TEST_F(RedisTlsTest, AServerThatAsksForACertificateGetsIt) {
  Authority authority;
  const auto port = RedisServer::free_port();
  const RedisServer server(tls_options(port, authority, authority.sign("IP:127.0.0.1"), "yes"));
  RedisOptions options;
  options.address = "127.0.0.1:" + port;
  options.tls = true;
  options.ca_file = authority.certificate();
  expect_refused(options, "certificate required");
  broker->stop();
  const auto own = authority.sign("DNS:gateway.test");
  options.cert_file = own.certificate;
  options.key_file = own.key;
  connect(options);
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(publish("news", "x"));
}

TEST_F(RedisTlsTest, LargeMessagesAndManyAtOncePass) {
  TlsServer server;
  connect(server.options());
  ASSERT_TRUE(subscribe({"news"}));
  const std::string large(3 << 20, 'x');
  std::vector<std::promise<bool>> answers(6);  // less than Redis keeps for a subscriber
  for (auto& answer : answers) {
    broker->publish({{"news", Bytes::copy(large), {}}},
                    [&](const std::vector<Result<PublishReceipt>>& receipts) { answer.set_value(receipts[0].has_value()); });
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get_future().get());
  const auto got = sink.wait("news", answers.size());
  ASSERT_EQ(got.size(), answers.size());
  for (const auto& publication : got) EXPECT_EQ(publication->envelope.view(), large);
}

TEST_F(RedisTlsTest, SentinelsAreAskedByTlsAndWithAPassword) {
  TlsServer server;
  const auto own = server.authority.sign("IP:127.0.0.1");
  const auto port = RedisServer::free_port();
  const auto sentinel =
      RedisServer::sentinel("sentinel monitor hf 127.0.0.1 " + server.port + " 1\ntls-port " + port + "\ntls-cert-file " + own.certificate +
                            "\ntls-key-file " + own.key + "\ntls-ca-cert-file " + server.authority.certificate() +
                            "\ntls-auth-clients no\ntls-replication yes\nrequirepass secret\n");
  auto options = server.options();
  options.sentinels = {"127.0.0.1:" + port};
  options.sentinel_master = "hf";
  options.sentinel_password = "wrong";
  expect_refused(options, "refuses: WRONGPASS");
  broker->stop();
  options.sentinel_password = "secret";
  connect(options);
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(publish("news", "x"));
}

}  // namespace
}  // namespace holdfast::broker_test
