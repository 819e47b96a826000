#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness.h"
#include "tcp_gate.h"

namespace holdfast::broker_test {

// A harness whose connections lead to the broker through gates.
class LinkedHarness : public BrokerHarness {
 public:
  // All that connect() makes lead through these.
  virtual std::vector<TcpGate*> gates() = 0;
  // One more connection to the same broker, not started. It leads around the gates, or is the first to pass them and is then spared.
  virtual std::unique_ptr<Broker> connect_around() = 0;

  // Of connect(): its adapter's time-out, and the time in which it finds that nothing comes any more.
  static constexpr Duration kTimeout{1'000};
  virtual Duration notices_within() const = 0;
  // Whoever is cut off may still answer for channels that it orders itself.
  virtual bool stands_alone() const { return false; }
  static constexpr Duration kSlack{1'500};  // for a machine that does other things
};

struct LinkedMaker {
  std::string name;
  std::unique_ptr<LinkedHarness> (*make)();
};
inline void PrintTo(const LinkedMaker& maker, std::ostream* out) { *out << maker.name; }

// A broker that runs, what reached it, and its calls with a wait for their answers.
struct Connection {
  explicit Connection(std::unique_ptr<Broker> made) : broker(std::move(made)) { broker->start(sink); }
  ~Connection() { broker->stop(); }
  Connection(const Connection&) = delete;

  Result<PublishReceipt> publish(const std::string& channel, const std::string& text, const std::string& key = {}) {
    std::promise<Result<PublishReceipt>> answer;
    broker->publish({{channel, Bytes::copy(text), key}},
                    [&](std::vector<Result<PublishReceipt>> receipts) { answer.set_value(std::move(receipts.at(0))); });
    return answer.get_future().get();
  }
  std::future<Result<void>> subscribe_later(const std::vector<std::string>& channels) {
    auto answer = std::make_shared<std::promise<Result<void>>>();
    broker->subscribe(channels, [answer](Result<void> result) { answer->set_value(std::move(result)); });
    return answer->get_future();
  }
  Result<void> subscribe(const std::vector<std::string>& channels) { return subscribe_later(channels).get(); }
  Result<HistoryPage> read(const std::string& channel, Position since) {
    std::promise<Result<HistoryPage>> answer;
    broker->history()->read(channel, since, 1000, [&](Result<HistoryPage> page) { answer.set_value(std::move(page)); });
    return answer.get_future().get();
  }

  RecordingSink sink;
  std::unique_ptr<Broker> broker;
};

// What every broker does when the way to it breaks. The broker itself is well all the time, and others work with it.
class LinkContract : public testing::TestWithParam<LinkedMaker> {
 protected:
  void SetUp() override;
  void TearDown() override;

  void each(void (TcpGate::*call)()) const {
    for (auto* gate : harness->gates()) (gate->*call)();
  }
  void cut() const { each(&TcpGate::cut); }
  void stall() const { each(&TcpGate::stall); }
  void mute() const { each(&TcpGate::mute); }
  void strand() const { each(&TcpGate::strand); }
  void heal() const { each(&TcpGate::open); }

  // Publishes until it is accepted. Each try has a text of its own, which begins with the word: one that was refused may have been
  // published.
  void publish_surely(Connection& through, const std::string& word);
  // At once, and nothing of it is published.
  void expect_refusals();
  // What is published now comes to both. No message came twice or out of order; where some did not come, a gap was told before the next
  // one, and they are in history unless the channel began anew.
  void expect_nothing_lost_silently();

  std::unique_ptr<LinkedHarness> harness;
  std::optional<Connection> near;  // behind the gates
  std::optional<Connection> far;   // not
  std::string news;                // a channel that both are subscribed to
  std::vector<std::string> accepted;

 private:
  void expect_honest(Connection& listener);
  bool all_came_or_told(Connection& listener) const;
  void expect_in_history(Position since, const std::vector<std::string>& missing);
};

}  // namespace holdfast::broker_test
