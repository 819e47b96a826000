#include "adapters/redis/redis_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "link_harness.h"
#include "redis_cluster.h"

namespace holdfast::broker_test {
namespace {

// One for all tests: their channels have names of their own.
RedisCluster& shared_cluster() {
  static RedisCluster cluster;
  return cluster;
}

class RedisClusterHarness final : public LinkedHarness {
 public:
  explicit RedisClusterHarness(const char* ack, Duration timeout = Duration(5'000)) : ack_(ack), timeout_(timeout) {}
  std::unique_ptr<Broker> connect() override {
    RedisOptions options;
    options.cluster = shared_cluster().addresses();
    options.ack = ack_;
    options.timeout = timeout_;
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<RedisBroker>(options, clock_, metrics_);
  }
  // The nodes tell everybody the same addresses.
  std::unique_ptr<Broker> connect_around() override { return connect(); }
  size_t oversize() const override { return 100'001; }
  std::vector<TcpGate*> gates() override { return shared_cluster().gates(); }
  Duration notices_within() const override { return 2 * timeout_ + kSlack; }

 private:
  const char* const ack_;
  const Duration timeout_;
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kCluster{"cluster", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<RedisClusterHarness>("primary"); }};
const HarnessMaker kReplicated{"replicated",
                               []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<RedisClusterHarness>("replicated"); }};
const LinkedMaker kLinked{"cluster", []() -> std::unique_ptr<LinkedHarness> {
                            return std::make_unique<RedisClusterHarness>("primary", LinkedHarness::kTimeout);
                          }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }
std::string linked_name(const testing::TestParamInfo<LinkedMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(RedisCluster, BrokerContract, testing::Values(kCluster, kReplicated), name);
INSTANTIATE_TEST_SUITE_P(RedisCluster, HistoryContract, testing::Values(kCluster, kReplicated), name);
INSTANTIATE_TEST_SUITE_P(RedisCluster, LinkContract, testing::Values(kLinked), linked_name);

}  // namespace
}  // namespace holdfast::broker_test
