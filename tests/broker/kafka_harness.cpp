#include "adapters/kafka/kafka_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "kafka_server.h"
#include "link_harness.h"

namespace holdfast::broker_test {
namespace {

// One broker, and three of which each partition has a leader and two that follow.
enum class Brokers { one, three };

class KafkaHarness final : public LinkedHarness {
 public:
  explicit KafkaHarness(Brokers brokers, Duration timeout = Duration(10'000)) : brokers_(brokers), timeout_(timeout) {}
  std::unique_ptr<Broker> connect() override {
    if (brokers_ == Brokers::three) return make(shared_kafka_cluster().gated_addresses());
    return make({shared_kafka().gated_address()});
  }
  std::unique_ptr<Broker> connect_around() override {
    if (brokers_ == Brokers::three) return make(shared_kafka_cluster().addresses());
    return make({shared_kafka().address()});
  }
  size_t oversize() const override { return 100'001; }
  std::vector<TcpGate*> gates() override {
    if (brokers_ == Brokers::three) return shared_kafka_cluster().gates();
    return {&shared_kafka().gate()};
  }
  // It looks every two seconds.
  Duration notices_within() const override { return Duration(2'000) + timeout_ + kSlack; }

 private:
  std::unique_ptr<Broker> make(std::vector<std::string> addresses) {
    KafkaOptions options;
    options.brokers = std::move(addresses);
    options.partitions = 4;
    options.timeout = timeout_;
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<KafkaBroker>(options, clock_, metrics_);
  }

  const Brokers brokers_;
  const Duration timeout_;
  SystemClock clock_;
  Metrics metrics_;
};

template <Brokers kBrokers>
std::unique_ptr<BrokerHarness> make() {
  return std::make_unique<KafkaHarness>(kBrokers);
}
template <Brokers kBrokers>
std::unique_ptr<LinkedHarness> make_linked() {
  return std::make_unique<KafkaHarness>(kBrokers, LinkedHarness::kTimeout);
}

const HarnessMaker kOne{"one", make<Brokers::one>}, kThree{"three", make<Brokers::three>};
const LinkedMaker kOneLinked{"one", make_linked<Brokers::one>}, kThreeLinked{"three", make_linked<Brokers::three>};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }
std::string linked_name(const testing::TestParamInfo<LinkedMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Kafka, BrokerContract, testing::Values(kOne, kThree), name);
INSTANTIATE_TEST_SUITE_P(Kafka, HistoryContract, testing::Values(kOne, kThree), name);
INSTANTIATE_TEST_SUITE_P(Kafka, LinkContract, testing::Values(kOneLinked, kThreeLinked), linked_name);

}  // namespace
}  // namespace holdfast::broker_test
