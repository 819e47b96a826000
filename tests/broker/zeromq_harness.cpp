#include <array>

#include "adapters/zeromq/zeromq_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "link_harness.h"

namespace holdfast::broker_test {
namespace {

std::string tcp(uint16_t port) { return "tcp://127.0.0.1:" + std::to_string(port); }

// Two nodes that bind, of which the suites talk to the second: about half of the channels are ordered by the other. They know each other by
// the addresses of gates.
class ZeromqHarness final : public LinkedHarness {
 public:
  explicit ZeromqHarness(Duration peer_timeout) : peer_timeout_(peer_timeout) {}
  ~ZeromqHarness() override {
    if (other_) other_->stop();
    if (listener_) listener_->stop();
  }

  std::unique_ptr<Broker> connect() override {
    if (!listener_ && !other_) {
      other_ = make(tcp(other_port_), {tcp(gate_.port())});
      other_->start(other_sink_);
    }
    return make(tcp(port_), {tcp(other_gate_.port())});
  }
  // A listener of its own keeps the other in business when it does not see the second.
  std::unique_ptr<Broker> connect_around() override {
    listener_ = make("", {tcp(other_port_)});
    listener_->start(listener_sink_);
    return make(tcp(other_port_), {tcp(gate_.port())});
  }
  size_t oversize() const override { return 100'001; }
  std::vector<TcpGate*> gates() override { return {&gate_, &other_gate_}; }
  Duration notices_within() const override { return 3 * peer_timeout_ + kSlack; }
  bool stands_alone() const override { return true; }

 private:
  std::unique_ptr<ZeromqBroker> make(const std::string& bind, std::vector<std::string> peers) {
    ZeromqOptions options;
    options.bind = bind;
    options.peers = std::move(peers);
    options.heartbeat = Duration(100);
    options.peer_timeout = peer_timeout_;
    options.history_messages = kHistory;
    options.max_message = 100'000;
    auto broker = std::make_unique<ZeromqBroker>(options, clock_, metrics_);
    const auto bound = broker->bind();
    EXPECT_TRUE(bound) << bound.error().text;
    return broker;
  }

  const Duration peer_timeout_;
  SystemClock clock_;
  Metrics metrics_;
  const uint16_t port_ = free_port(), other_port_ = free_port();
  TcpGate gate_{port_}, other_gate_{other_port_};
  RecordingSink other_sink_, listener_sink_;
  std::unique_ptr<ZeromqBroker> other_, listener_;
};

const HarnessMaker kZeromq{"zeromq", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<ZeromqHarness>(Duration(4'000)); }};
const LinkedMaker kLinked{"zeromq",
                          []() -> std::unique_ptr<LinkedHarness> { return std::make_unique<ZeromqHarness>(LinkedHarness::kTimeout); }};

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }
std::string linked_name(const testing::TestParamInfo<LinkedMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Zeromq, BrokerContract, testing::Values(kZeromq), name);
INSTANTIATE_TEST_SUITE_P(Zeromq, HistoryContract, testing::Values(kZeromq), name);
INSTANTIATE_TEST_SUITE_P(Zeromq, LinkContract, testing::Values(kLinked), linked_name);

}  // namespace
}  // namespace holdfast::broker_test
