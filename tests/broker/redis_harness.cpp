#include "adapters/redis/redis_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "harness.h"
#include "redis_server.h"

namespace holdfast::broker_test {
namespace {

// One server for all tests: their channels have names of their own.
RedisServer& shared_server() {
  static RedisServer server;
  return server;
}

class RedisHarness final : public BrokerHarness {
 public:
  std::unique_ptr<Broker> connect() override {
    RedisOptions options;
    options.address = shared_server().address();
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<RedisBroker>(options, clock_, metrics_);
  }
  size_t oversize() const override { return 100'001; }

 private:
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kRedis{"redis", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<RedisHarness>(); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Redis, BrokerContract, testing::Values(kRedis), name);
INSTANTIATE_TEST_SUITE_P(Redis, HistoryContract, testing::Values(kRedis), name);

}  // namespace
}  // namespace holdfast::broker_test
