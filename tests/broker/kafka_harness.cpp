#include "adapters/kafka/kafka_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "harness.h"
#include "kafka_server.h"

namespace holdfast::broker_test {
namespace {

class KafkaHarness final : public BrokerHarness {
 public:
  std::unique_ptr<Broker> connect() override {
    KafkaOptions options;
    options.brokers = {shared_kafka().address()};
    options.partitions = 4;
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<KafkaBroker>(options, clock_, metrics_);
  }
  size_t oversize() const override { return 100'001; }

 private:
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kKafka{"kafka", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<KafkaHarness>(); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Kafka, BrokerContract, testing::Values(kKafka), name);
INSTANTIATE_TEST_SUITE_P(Kafka, HistoryContract, testing::Values(kKafka), name);

}  // namespace
}  // namespace holdfast::broker_test
