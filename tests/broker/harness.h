#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/broker/broker.h"

namespace holdfast::broker_test {

// What the contract suite needs of an adapter: one implementation per adapter, instantiated with INSTANTIATE_TEST_SUITE_P in its own file.
// A harness that needs a server starts one of its own and ends it.
class BrokerHarness {
 public:
  virtual ~BrokerHarness() = default;
  // One more connection to the same broker, not started. It keeps about `kHistory` messages per channel if it keeps any.
  virtual std::unique_ptr<Broker> connect() = 0;
  // An envelope this large is refused.
  virtual size_t oversize() const = 0;

  static constexpr size_t kHistory = 50;
};

struct HarnessMaker {
  std::string name;
  std::unique_ptr<BrokerHarness> (*make)();
};
inline void PrintTo(const HarnessMaker& maker, std::ostream* out) { *out << maker.name; }

constexpr std::chrono::seconds kPatience{20};

// Waits until the condition holds; false: it does not in time.
inline bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

// Keeps what comes; a test waits for what it expects.
class RecordingSink final : public BrokerSink {
 public:
  // In the order in which it came.
  struct Event {
    std::string channel;
    PublicationPtr publication;  // null: a gap
  };

  void on_publication(PublicationPtr publication) override {
    std::lock_guard lock(mutex_);
    auto channel = publication->channel;
    events_.push_back({std::move(channel), std::move(publication)});
    changed_.notify_all();
  }
  void on_gap(const std::string& channel) override {
    std::lock_guard lock(mutex_);
    events_.push_back({channel, nullptr});
    changed_.notify_all();
  }
  void on_health(bool healthy, const std::string& reason) override {
    std::lock_guard lock(mutex_);
    told_ = true;
    healthy_ = healthy;
    reason_ = reason;
    changed_.notify_all();
  }

  bool wait_healthy() {
    return wait_for([&] { return healthy_; });
  }
  // The reason.
  std::string wait_unhealthy() {
    EXPECT_TRUE(wait_for([&] { return told_ && !healthy_; }));
    std::lock_guard lock(mutex_);
    return reason_;
  }
  bool wait_gap(const std::string& channel) {
    return wait_for([&] { return std::any_of(events_.begin(), events_.end(), [&](const Event& e) { return is_gap(e, channel); }); });
  }
  // At least so many on the channel.
  std::vector<PublicationPtr> wait(const std::string& channel, size_t count) {
    wait_for([&] { return of(channel).size() >= count; });
    return all(channel);
  }
  // Until the channel's newest is this one.
  bool wait_last(const std::string& channel, const std::string& text, std::chrono::milliseconds patience = kPatience) {
    const auto came = [&] {
      const auto last =
          std::find_if(events_.rbegin(), events_.rend(), [&](const Event& e) { return e.channel == channel && e.publication; });
      return last != events_.rend() && last->publication->envelope.view() == text;
    };
    return wait_for(came, patience);
  }
  // Until anything has come on the channel beyond so many events.
  bool wait_events(const std::string& channel, size_t count) {
    return wait_for([&] { return events_of(channel).size() > count; });
  }
  std::vector<PublicationPtr> all(const std::string& channel) {
    std::lock_guard lock(mutex_);
    return of(channel);
  }
  std::vector<Event> events(const std::string& channel) {
    std::lock_guard lock(mutex_);
    return events_of(channel);
  }
  std::vector<std::string> gaps() {
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& event : events_) {
      if (!event.publication) out.push_back(event.channel);
    }
    return out;
  }

 private:
  static bool is_gap(const Event& event, const std::string& channel) { return !event.publication && event.channel == channel; }
  template <typename Condition>
  bool wait_for(const Condition& condition, std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, condition);
  }
  std::vector<PublicationPtr> of(const std::string& channel) const {
    std::vector<PublicationPtr> out;
    for (const auto& event : events_) {
      if (event.publication && event.channel == channel) out.push_back(event.publication);
    }
    return out;
  }
  std::vector<Event> events_of(const std::string& channel) const {
    std::vector<Event> out;
    std::copy_if(events_.begin(), events_.end(), std::back_inserter(out), [&](const Event& e) { return e.channel == channel; });
    return out;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  bool told_ = false;
  bool healthy_ = false;
  std::string reason_;
};

class BrokerSuite : public testing::TestWithParam<HarnessMaker> {
 protected:
  void SetUp() override {
    harness = GetParam().make();
    broker = harness->connect();
    broker->start(sink);
    ASSERT_TRUE(sink.wait_healthy());
  }
  void TearDown() override {
    if (broker) broker->stop();
  }

  // Unique, so that tests can share a server.
  std::string channel(const std::string& word = "c") {
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + "-" + std::to_string(now) + "-" +
           std::to_string(++channels_made_) + "-" + word;
  }

  std::vector<Result<PublishReceipt>> publish(std::vector<PublishRequest> messages) {
    std::promise<std::vector<Result<PublishReceipt>>> answer;
    broker->publish(std::move(messages), [&](std::vector<Result<PublishReceipt>> receipts) { answer.set_value(std::move(receipts)); });
    return answer.get_future().get();
  }
  Result<PublishReceipt> publish(const std::string& to, const std::string& text, const std::string& key = {}) {
    auto receipts = publish({{to, Bytes::copy(text), key}});
    EXPECT_EQ(receipts.size(), 1u);
    return receipts.at(0);
  }
  Result<void> subscribe(const std::vector<std::string>& to) {
    std::promise<Result<void>> answer;
    broker->subscribe(to, [&](Result<void> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  Result<void> unsubscribe(const std::vector<std::string>& from) {
    std::promise<Result<void>> answer;
    broker->unsubscribe(from, [&](Result<void> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  Result<HistoryPage> read(const std::string& of, Position since, size_t limit = 1000) {
    std::promise<Result<HistoryPage>> answer;
    broker->history()->read(of, since, limit, [&](Result<HistoryPage> page) { answer.set_value(std::move(page)); });
    return answer.get_future().get();
  }
  static std::vector<std::string> texts(const std::vector<PublicationPtr>& publications) {
    std::vector<std::string> out;
    for (const auto& publication : publications) out.push_back(publication->envelope.str());
    return out;
  }

  std::unique_ptr<BrokerHarness> harness;
  RecordingSink sink;
  std::unique_ptr<Broker> broker;

 private:
  int channels_made_ = 0;
};

// What every broker does, and what those that offer History do besides. An adapter instantiates the second only if it offers it.
class BrokerContract : public BrokerSuite {};
class HistoryContract : public BrokerSuite {};

}  // namespace holdfast::broker_test
