#include "adapters/zeromq/zeromq_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "harness.h"
#include "tcp_gate.h"

namespace holdfast::broker_test {
namespace {

// Two nodes that bind, of which the suite talks to the second: about half of the channels are ordered by the other.
class ZeromqHarness final : public BrokerHarness {
 public:
  ZeromqHarness() {
    for (auto& address : addresses_) address = "tcp://127.0.0.1:" + std::to_string(free_port());
    other_ = make(0);
    other_->start(other_sink_);
  }
  ~ZeromqHarness() override { other_->stop(); }

  std::unique_ptr<Broker> connect() override { return make(++nodes_); }
  size_t oversize() const override { return 100'001; }

 private:
  std::unique_ptr<ZeromqBroker> make(size_t index) {
    ZeromqOptions options;
    options.bind = addresses_.at(index);
    options.peers = {addresses_[0], addresses_[1]};
    options.heartbeat = Duration(100);
    options.history_messages = kHistory;
    options.max_message = 100'000;
    auto broker = std::make_unique<ZeromqBroker>(options, clock_, metrics_);
    const auto bound = broker->bind();
    EXPECT_TRUE(bound) << bound.error().text;
    return broker;
  }

  SystemClock clock_;
  Metrics metrics_;
  std::array<std::string, 2> addresses_;
  size_t nodes_ = 0;
  RecordingSink other_sink_;
  std::unique_ptr<ZeromqBroker> other_;
};

const HarnessMaker kZeromq{"zeromq", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<ZeromqHarness>(); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Zeromq, BrokerContract, testing::Values(kZeromq), name);
INSTANTIATE_TEST_SUITE_P(Zeromq, HistoryContract, testing::Values(kZeromq), name);

}  // namespace
}  // namespace holdfast::broker_test
