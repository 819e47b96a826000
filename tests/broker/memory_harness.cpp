#include "adapters/memory/memory_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "harness.h"

namespace holdfast::broker_test {
namespace {

class MemoryHarness final : public BrokerHarness {
 public:
  std::unique_ptr<Broker> connect() override {
    MemoryOptions options;
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<MemoryBroker>(options, clock_, metrics_);
  }
  size_t oversize() const override { return 100'001; }

 private:
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kMemory{"memory", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<MemoryHarness>(); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Memory, BrokerContract, testing::Values(kMemory), name);
INSTANTIATE_TEST_SUITE_P(Memory, HistoryContract, testing::Values(kMemory), name);

}  // namespace
}  // namespace holdfast::broker_test
