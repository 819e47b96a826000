#include "adapters/redis/redis_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "harness.h"
#include "redis_cluster.h"

namespace holdfast::broker_test {
namespace {

// One for all tests: their channels have names of their own.
RedisCluster& shared_cluster() {
  static RedisCluster cluster;
  return cluster;
}

class RedisClusterHarness final : public BrokerHarness {
 public:
  explicit RedisClusterHarness(const char* ack) : ack_(ack) {}
  std::unique_ptr<Broker> connect() override {
    RedisOptions options;
    options.cluster = shared_cluster().addresses();
    options.ack = ack_;
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<RedisBroker>(options, clock_, metrics_);
  }
  size_t oversize() const override { return 100'001; }

 private:
  const char* const ack_;
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kCluster{"cluster", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<RedisClusterHarness>("primary"); }};
const HarnessMaker kReplicated{"replicated",
                               []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<RedisClusterHarness>("replicated"); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(RedisCluster, BrokerContract, testing::Values(kCluster, kReplicated), name);
INSTANTIATE_TEST_SUITE_P(RedisCluster, HistoryContract, testing::Values(kCluster, kReplicated), name);

}  // namespace
}  // namespace holdfast::broker_test
