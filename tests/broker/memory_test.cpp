#include <set>

#include "adapters/memory/memory_broker.h"
#include "gateway/base/metrics.h"
#include "harness.h"

namespace holdfast::broker_test {
namespace {

// What is the memory adapter's own: how it forgets.
struct MemoryTest : testing::Test {
  void make() {
    broker = std::make_unique<MemoryBroker>(options, clock, metrics);
    broker->start(sink);
  }
  ~MemoryTest() override {
    if (broker) broker->stop();
  }
  Position publish(const std::string& channel, size_t bytes = 10, const std::string& key = {}, bool* duplicate = nullptr) {
    std::promise<PublishReceipt> answer;
    broker->publish({{channel, Bytes(std::string(bytes, 'x')), key}},
                    [&](const std::vector<Result<PublishReceipt>>& receipts) { answer.set_value(receipts.at(0).value()); });
    const auto receipt = answer.get_future().get();
    if (duplicate != nullptr) *duplicate = receipt.duplicate;
    return receipt.position;
  }
  HistoryPage read(const std::string& channel, Position since) {
    std::promise<HistoryPage> answer;
    broker->history()->read(channel, since, 1'000'000, [&](Result<HistoryPage> page) { answer.set_value(page.value()); });
    return answer.get_future().get();
  }
  void subscribe(const std::string& channel) {
    std::promise<void> answer;
    broker->subscribe({channel}, [&](const Result<void>&) { answer.set_value(); });
    answer.get_future().get();
  }
  int64_t kept_bytes() { return metrics.gauge("holdfast_memory_history_bytes", "").value(); }

  MemoryOptions options;
  ManualClock clock;
  Metrics metrics;
  RecordingSink sink;
  std::unique_ptr<MemoryBroker> broker;
};

TEST_F(MemoryTest, OldMessagesAreNotReplayed) {
  options.history_age = std::chrono::seconds(10);
  make();
  const auto first = publish("news");
  clock.advance(std::chrono::seconds(6));
  const auto second = publish("news");
  clock.advance(std::chrono::seconds(4));
  const auto page = read("news", {first.epoch, 0});
  EXPECT_FALSE(page.continuous);
  ASSERT_EQ(page.publications.size(), 1u);
  EXPECT_EQ(page.publications[0]->position, second);
  EXPECT_TRUE(read("news", first).continuous);
  clock.advance(std::chrono::seconds(6));
  EXPECT_FALSE(read("news", first).continuous);
  EXPECT_TRUE(read("news", second).continuous);
  EXPECT_EQ(read("news", {}).top, second);
  EXPECT_EQ(kept_bytes(), 0);
}

TEST_F(MemoryTest, TheOldestMessagesOfAllChannelsGoWhenThereAreTooManyBytes) {
  options.history_bytes = 100'000;
  make();
  const auto old = publish("quiet", 1000);
  clock.advance(std::chrono::milliseconds(1));
  std::vector<Position> busy;
  for (int i = 0; i < 50; ++i) {
    busy.push_back(publish("busy", 1000));
    clock.advance(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(read("quiet", {}).publications.size(), 1u);
  for (int i = 0; i < 200; ++i) {
    busy.push_back(publish("busy " + std::to_string(i % 20), 1000));
    clock.advance(std::chrono::milliseconds(1));
  }
  EXPECT_LE(kept_bytes(), 100'000);
  EXPECT_GT(kept_bytes(), 90'000);
  const auto page = read("quiet", {old.epoch, 0});
  EXPECT_FALSE(page.continuous);
  EXPECT_TRUE(page.publications.empty());
  EXPECT_EQ(page.top, old);
  EXPECT_TRUE(read("quiet", old).continuous);
  EXPECT_TRUE(read("busy", {}).publications.empty());
  EXPECT_EQ(publish("quiet").offset, old.offset + 1);
}

TEST_F(MemoryTest, AChannelThatWasDroppedComesBackInAnEpochItNeverHad) {
  options.max_channels = 1;
  make();
  std::set<uint64_t> epochs;
  for (int round = 0; round < 5; ++round) {
    const auto position = publish("news");
    EXPECT_EQ(position.offset, 1u);
    EXPECT_TRUE(epochs.insert(position.epoch).second) << round;
    for (int i = 0; i < 200; ++i) publish("other " + std::to_string(round) + " " + std::to_string(i));
    const auto page = read("news", position);
    EXPECT_FALSE(page.continuous);
    EXPECT_FALSE(read("news", {}).continuous);
  }
}

TEST_F(MemoryTest, AChannelWithASubscriptionIsNotDropped) {
  options.max_channels = 1;
  make();
  subscribe("news");
  const auto position = publish("news");
  for (int i = 0; i < 200; ++i) publish("other " + std::to_string(i));
  EXPECT_TRUE(read("news", {position.epoch, 0}).continuous);
  EXPECT_EQ(publish("news").offset, 2u);
}

TEST_F(MemoryTest, EveryStartIsAnotherEpoch) {
  make();
  const auto before = publish("news");
  broker->stop();
  make();
  publish("news");
  EXPECT_NE(publish("news").epoch, before.epoch);
  EXPECT_FALSE(read("news", before).continuous);
}

TEST_F(MemoryTest, AnIdempotencyKeyIsForgottenAfterTwoMinutes) {
  make();
  bool duplicate = true;
  publish("news", 10, "key", &duplicate);
  EXPECT_FALSE(duplicate);
  clock.advance(std::chrono::seconds(119));
  publish("news", 10, "key", &duplicate);
  EXPECT_TRUE(duplicate);
  clock.advance(std::chrono::seconds(1));
  publish("news", 10, "key", &duplicate);
  EXPECT_FALSE(duplicate);
}

TEST(RecentKeys, TheOldestGoWhenThereAreTooMany) {
  RecentKeys keys;
  for (size_t i = 0; i <= RecentKeys::kMost; ++i) keys.put(RecentKeys::key("c", std::to_string(i)), {1, i}, {});
  EXPECT_FALSE(keys.find(RecentKeys::key("c", "0"), {}));
  EXPECT_TRUE(keys.find(RecentKeys::key("c", "1"), {}));
  EXPECT_NE(RecentKeys::key("ab", "c"), RecentKeys::key("a", "bc"));
}

}  // namespace
}  // namespace holdfast::broker_test
