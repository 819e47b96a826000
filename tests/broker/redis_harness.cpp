#include "adapters/redis/redis_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "link_harness.h"
#include "redis_server.h"

namespace holdfast::broker_test {
namespace {

// One server for all tests: their channels have names of their own.
RedisServer& shared_server() {
  static RedisServer server;
  return server;
}

class RedisHarness final : public LinkedHarness {
 public:
  explicit RedisHarness(Duration timeout) : timeout_(timeout) {}
  std::unique_ptr<Broker> connect() override { return make("127.0.0.1:" + std::to_string(gate_.port())); }
  std::unique_ptr<Broker> connect_around() override { return make(shared_server().address()); }
  size_t oversize() const override { return 100'001; }
  std::vector<TcpGate*> gates() override { return {&gate_}; }
  Duration notices_within() const override { return 2 * timeout_ + kSlack; }

 private:
  std::unique_ptr<Broker> make(const std::string& address) {
    RedisOptions options;
    options.address = address;
    options.timeout = timeout_;
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<RedisBroker>(options, clock_, metrics_);
  }

  const Duration timeout_;
  TcpGate gate_{shared_server().port_number()};
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kRedis{"redis", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<RedisHarness>(Duration(5'000)); }};
const LinkedMaker kLinked{"redis",
                          []() -> std::unique_ptr<LinkedHarness> { return std::make_unique<RedisHarness>(LinkedHarness::kTimeout); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }
std::string linked_name(const testing::TestParamInfo<LinkedMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Redis, BrokerContract, testing::Values(kRedis), name);
INSTANTIATE_TEST_SUITE_P(Redis, HistoryContract, testing::Values(kRedis), name);
INSTANTIATE_TEST_SUITE_P(Redis, LinkContract, testing::Values(kLinked), linked_name);

}  // namespace
}  // namespace holdfast::broker_test
