#include "adapters/redis/redis_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "link_harness.h"
#include "redis_sentinels.h"

namespace holdfast::broker_test {
namespace {

// One set for all tests: their channels have names of their own. Its Sentinels are patient, since here only ways break.
RedisSentinels& shared_sentinels() {
  static RedisSentinels sentinels(600'000);
  return sentinels;
}

class RedisSentinelHarness final : public LinkedHarness {
 public:
  explicit RedisSentinelHarness(Duration timeout) {
    options_.timeout = timeout;
    options_.history_messages = kHistory;
    options_.max_message = 100'000;
  }
  std::unique_ptr<Broker> connect() override {
    auto options = options_;
    options.sentinels = shared_sentinels().addresses();
    options.sentinel_master = RedisSentinels::kName;
    return std::make_unique<RedisBroker>(options, clock_, metrics_);
  }
  std::unique_ptr<Broker> connect_around() override {
    auto options = options_;
    options.address = shared_sentinels().primary().address();
    return std::make_unique<RedisBroker>(options, clock_, metrics_);
  }
  size_t oversize() const override { return 100'001; }
  std::vector<TcpGate*> gates() override { return {&shared_sentinels().primary_gate()}; }
  Duration notices_within() const override { return 2 * options_.timeout + kSlack; }

 private:
  RedisOptions options_;
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kSentinel{"sentinel",
                             []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<RedisSentinelHarness>(Duration(5'000)); }};
const LinkedMaker kLinked{
    "sentinel", []() -> std::unique_ptr<LinkedHarness> { return std::make_unique<RedisSentinelHarness>(LinkedHarness::kTimeout); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }
std::string linked_name(const testing::TestParamInfo<LinkedMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(RedisSentinel, BrokerContract, testing::Values(kSentinel), name);
INSTANTIATE_TEST_SUITE_P(RedisSentinel, HistoryContract, testing::Values(kSentinel), name);
INSTANTIATE_TEST_SUITE_P(RedisSentinel, LinkContract, testing::Values(kLinked), linked_name);

}  // namespace
}  // namespace holdfast::broker_test
