#include <atomic>
#include <set>

#include "adapters/kafka/kafka_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "harness.h"
#include "kafka_server.h"

// What is Kafka's own: brokers that are down, come back, stall or lose what they acknowledged; topics that are made again, grow, or hold
// what others wrote; several nodes at once.

namespace holdfast::broker_test {
namespace {

using Texts = std::vector<std::string>;

// A node: its broker and what reached it.
struct Node {
  explicit Node(const KafkaOptions& options) : broker(std::make_unique<KafkaBroker>(options, clock, metrics)) { broker->start(sink); }
  ~Node() { broker->stop(); }
  Node(const Node&) = delete;

  std::future<Result<PublishReceipt>> publish_later(const std::string& channel, const std::string& text, const std::string& key = {}) {
    auto answer = std::make_shared<std::promise<Result<PublishReceipt>>>();
    broker->publish({{channel, Bytes::copy(text), key}},
                    [answer](std::vector<Result<PublishReceipt>> receipts) { answer->set_value(std::move(receipts.at(0))); });
    return answer->get_future();
  }
  Result<PublishReceipt> publish(const std::string& channel, const std::string& text, const std::string& key = {}) {
    return publish_later(channel, text, key).get();
  }
  // Tries again while it is unavailable.
  PublishReceipt publish_surely(const std::string& channel, const std::string& text) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      const auto receipt = publish(channel, text);
      if (receipt) return *receipt;
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error(receipt.error().text);
    }
  }
  std::future<Result<void>> subscribe_later(const std::vector<std::string>& channels) {
    auto answer = std::make_shared<std::promise<Result<void>>>();
    broker->subscribe(channels, [answer](Result<void> result) { answer->set_value(std::move(result)); });
    return answer->get_future();
  }
  Result<void> subscribe(const std::vector<std::string>& channels) { return subscribe_later(channels).get(); }
  Result<HistoryPage> read(const std::string& channel, Position since, size_t limit = 1000) {
    std::promise<Result<HistoryPage>> answer;
    broker->history()->read(channel, since, limit, [&](Result<HistoryPage> page) { answer.set_value(std::move(page)); });
    return answer.get_future().get();
  }
  // Tries again while it is unavailable.
  HistoryPage read_surely(const std::string& channel, Position since) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      auto page = read(channel, since);
      if (page) return *page;
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error(page.error().text);
    }
  }

  SystemClock clock;
  Metrics metrics;
  RecordingSink sink;
  std::unique_ptr<KafkaBroker> broker;
};

Texts texts(const std::vector<PublicationPtr>& publications) {
  Texts out;
  for (const auto& publication : publications) out.push_back(publication->envelope.str());
  return out;
}

Texts numbers(size_t from, size_t to) {
  Texts out;
  for (size_t i = from; i < to; ++i) out.push_back(std::to_string(i));
  return out;
}

std::string test_name() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }

// A topic of the test's own.
KafkaOptions options_for(const std::string& address, int partitions = 1) {
  KafkaOptions options;
  options.brokers = {address};
  options.topic = test_name();
  options.partitions = partitions;
  return options;
}

// A server for tests that kill it.
KafkaServer& mortal_kafka() {
  static KafkaServer server;
  return server;
}

// ---- brokers that fail

TEST(KafkaTest, ABrokerThatIsDownAtStartIsWaitedFor) {
  auto& server = mortal_kafka();
  server.kill();
  Node node(options_for(server.address()));
  EXPECT_NE(node.sink.wait_unhealthy().find(server.address()), std::string::npos);
  const auto refused = node.publish("news", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  auto subscribed = node.subscribe_later({"news"});
  server.start();
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(subscribed.get());
  ASSERT_TRUE(node.publish("news", "y"));
  EXPECT_EQ(texts(node.sink.wait("news", 1)), (Texts{"y"}));
  EXPECT_TRUE(node.sink.gaps().empty());
}

TEST(KafkaTest, AKilledBrokerIsFoundAgainAndNothingIsLost) {
  auto& server = mortal_kafka();
  Node node(options_for(server.address()));
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(node.subscribe({"news"}));
  std::vector<Position> positions;
  for (int i = 0; i < 10; ++i) positions.push_back(node.publish_surely("news", std::to_string(i)).position);
  server.kill();
  node.sink.wait_unhealthy();
  const auto refused = node.publish("news", "refused");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_FALSE(node.read("news", positions[0]));
  server.start();
  ASSERT_TRUE(node.sink.wait_healthy());
  for (int i = 10; i < 20; ++i) positions.push_back(node.publish_surely("news", std::to_string(i)).position);
  const auto got = node.sink.wait("news", 20);
  EXPECT_EQ(texts(got), numbers(0, 20));
  EXPECT_TRUE(node.sink.gaps().empty());
  EXPECT_EQ(positions.back().epoch, positions.front().epoch);
  const auto page = node.read_surely("news", positions[4]);
  EXPECT_TRUE(page.continuous);
  EXPECT_EQ(texts(page.publications), numbers(5, 20));
}

TEST(KafkaTest, WhatIsAcknowledgedWhileABrokerDiesArrivesOnceAndInOrder) {
  auto& server = mortal_kafka();
  Node node(options_for(server.address()));
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(node.subscribe({"news"}));
  std::vector<std::pair<std::string, Position>> accepted;
  std::atomic<bool> go{true};
  std::thread publisher([&] {
    for (size_t i = 0; go; ++i) {
      const auto receipt = node.publish("news", std::to_string(i));
      if (receipt) accepted.emplace_back(std::to_string(i), receipt->position);
    }
  });
  node.sink.wait("news", 100);
  server.kill();
  node.sink.wait_unhealthy();
  const size_t before = node.sink.all("news").size();
  server.start();
  node.sink.wait("news", before + 100);
  go = false;
  publisher.join();
  node.publish_surely("news", "end");
  std::vector<PublicationPtr> got;
  do {
    got = node.sink.all("news");
  } while (got.empty() || got.back()->envelope.view() != "end");
  // Those that were refused may be among them.
  size_t next = 0;
  for (const auto& publication : got) {
    if (next == accepted.size() || publication->envelope.view() != accepted[next].first) continue;
    EXPECT_EQ(publication->position, accepted[next].second);
    ++next;
  }
  EXPECT_EQ(next, accepted.size());
  std::set<std::string> once;
  for (const auto& publication : got) EXPECT_TRUE(once.insert(publication->envelope.str()).second) << publication->envelope.view();
  EXPECT_TRUE(node.sink.gaps().empty());
}

TEST(KafkaTest, AStalledBrokerIsLeftAndFoundAgain) {
  auto& server = mortal_kafka();
  auto options = options_for(server.address());
  options.timeout = Duration(1'000);
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(node.subscribe({"news"}));
  ASSERT_TRUE(node.publish("news", "1"));
  server.pause();
  const auto begun = std::chrono::steady_clock::now();
  const auto unanswered = node.publish("news", "2", "key");
  ASSERT_FALSE(unanswered);
  EXPECT_EQ(unanswered.error().kind, ErrorKind::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(4));
  node.sink.wait_unhealthy();
  server.resume();
  ASSERT_TRUE(node.sink.wait_healthy());
  // Retried with its key it is published once, whether it was before or not.
  Result<PublishReceipt> again = node.publish("news", "2", "key");
  for (int i = 0; i < 50 && !again; ++i) again = node.publish("news", "2", "key");
  ASSERT_TRUE(again);
  node.publish_surely("news", "3");
  EXPECT_EQ(texts(node.sink.wait("news", 3)), (Texts{"1", "2", "3"}));
}

TEST(KafkaTest, ALogThatWasCutIsANewEpochAndTold) {
  auto& server = mortal_kafka();
  Node node(options_for(server.address()));
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(node.subscribe({"news", "quiet"}));
  const auto before = node.publish_surely("news", "1").position;
  server.kill();
  server.save();
  server.start();
  const auto lost = node.publish_surely("news", "lost").position;
  ASSERT_EQ(lost.epoch, before.epoch);
  ASSERT_EQ(texts(node.sink.wait("news", 2)), (Texts{"1", "lost"}));
  EXPECT_TRUE(node.sink.gaps().empty());
  server.kill();
  server.restore();
  server.start();
  ASSERT_TRUE(node.sink.wait_gap("news"));
  ASSERT_TRUE(node.sink.wait_gap("quiet"));
  const auto after = node.publish_surely("news", "2").position;
  EXPECT_NE(after.epoch, before.epoch);
  EXPECT_EQ(texts(node.sink.wait("news", 3)), (Texts{"1", "lost", "2"}));
  EXPECT_FALSE(node.read_surely("news", lost).continuous);
  // A node that was not there decides alike.
  Node other(options_for(server.address()));
  ASSERT_TRUE(other.sink.wait_healthy());
  EXPECT_EQ(other.read_surely("news", {}).top, after);
  EXPECT_FALSE(other.read_surely("news", lost).continuous);
}

TEST(KafkaTest, ALeaderOfAClusterMayDie) {
  auto& cluster = shared_kafka_cluster();
  auto options = options_for({}, 3);
  options.brokers = cluster.addresses();
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(node.subscribe({"news"}));
  const int32_t partition = partition_of("news", 3);
  for (size_t i = 0; i < 10; ++i) node.publish_surely("news", std::to_string(i));
  const KafkaAdmin admin(cluster.addresses()[0] + "," + cluster.addresses()[1] + "," + cluster.addresses()[2]);
  const int leader = admin.leader(options.topic, partition);
  ASSERT_GE(leader, 1);
  cluster.node(static_cast<size_t>(leader - 1)).kill();
  const auto until = std::chrono::steady_clock::now() + 3 * kPatience;
  for (size_t i = 10; i < 20 && std::chrono::steady_clock::now() < until;) {
    if (node.publish("news", std::to_string(i), "key " + std::to_string(i))) ++i;
  }
  EXPECT_EQ(texts(node.sink.wait("news", 20)), numbers(0, 20));
  EXPECT_TRUE(node.sink.gaps().empty());
  cluster.node(static_cast<size_t>(leader - 1)).start();
  ASSERT_TRUE(eventually([&] { return admin.in_sync(options.topic, partition) == 3; }));
}

TEST(KafkaTest, OfThreeBrokersOneThatIsSilentHoldsUpOnlyWhatItLeads) {
  auto& cluster = shared_kafka_cluster();
  auto options = options_for({}, 12);
  options.brokers = cluster.gated_addresses();
  options.timeout = Duration(2'000);
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  const KafkaAdmin admin(cluster.addresses()[0]);
  const auto led_by = [&](int wanted) {
    for (int i = 0;; ++i) {
      auto channel = "c" + std::to_string(i);
      if (admin.leader(options.topic, partition_of(channel, 12)) == wanted) return channel;
    }
  };
  const auto silent = led_by(2), other = led_by(3);
  ASSERT_TRUE(node.subscribe({silent, other}));
  node.publish_surely(silent, "1");
  node.publish_surely(other, "1");
  cluster.node(1).gate().stall();
  const auto begun = std::chrono::steady_clock::now();
  const auto unanswered = node.publish(silent, "2", "key");
  ASSERT_FALSE(unanswered);
  EXPECT_EQ(unanswered.error().kind, ErrorKind::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  node.publish_surely(other, "2");
  EXPECT_EQ(texts(node.sink.wait(other, 2)), (Texts{"1", "2"}));
  cluster.node(1).gate().open();
  Result<PublishReceipt> again = fail(ErrorKind::unavailable, "");
  ASSERT_TRUE(eventually([&] { return (again = node.publish(silent, "2", "key")).has_value(); })) << again.error().text;
  EXPECT_EQ(texts(node.sink.wait(silent, 2)), (Texts{"1", "2"}));
  EXPECT_TRUE(node.sink.gaps().empty());
}

// ---- topics

TEST(KafkaTest, ATopicMadeAgainIsANewEpochAndTold) {
  const auto options = options_for(shared_kafka().address());
  const KafkaAdmin admin(shared_kafka().address());
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(node.subscribe({"news"}));
  const auto before = node.publish_surely("news", "1").position;
  ASSERT_EQ(node.sink.wait("news", 1).size(), 1u);
  admin.delete_topic(options.topic);
  ASSERT_TRUE(node.sink.wait_gap("news"));
  ASSERT_TRUE(node.sink.wait_healthy());
  const auto after = node.publish_surely("news", "2").position;
  EXPECT_NE(after.epoch, before.epoch);
  EXPECT_EQ(texts(node.sink.wait("news", 2)), (Texts{"1", "2"}));
  const auto page = node.read_surely("news", before);
  EXPECT_FALSE(page.continuous);
  EXPECT_EQ(texts(page.publications), (Texts{"2"}));
}

TEST(KafkaTest, ATopicMadeAgainWhileNobodyLookedIsFoundOut) {
  auto options = options_for(shared_kafka().address());
  const KafkaAdmin admin(shared_kafka().address());
  Position before;
  {
    Node node(options);
    ASSERT_TRUE(node.sink.wait_healthy());
    before = node.publish_surely("news", "1").position;
  }
  admin.delete_topic(options.topic);
  while (admin.partitions(options.topic) > 0) {
  }
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  for (int i = 0; i < 5; ++i) node.publish_surely("news", "2");  // the old offset exists again
  const auto page = node.read_surely("news", before);
  EXPECT_GT(page.top.offset, before.offset);
  EXPECT_NE(page.top.epoch, before.epoch);
  EXPECT_FALSE(page.continuous);
}

TEST(KafkaTest, ATopicThatIsMissingIsSaidAndWaitedFor) {
  auto options = options_for(shared_kafka().address());
  options.create_topics = false;
  Node node(options);
  EXPECT_NE(node.sink.wait_unhealthy().find("no topic '" + options.topic + "'"), std::string::npos);
  EXPECT_FALSE(node.publish("news", "x"));
  KafkaAdmin(shared_kafka().address()).create_topic(options.topic, 2);
  ASSERT_TRUE(node.sink.wait_healthy());
  EXPECT_TRUE(node.publish("news", "x"));
}

TEST(KafkaTest, AddedPartitionsChangeNothing) {
  const auto options = options_for(shared_kafka().address(), 2);
  const KafkaAdmin admin(shared_kafka().address());
  Node old(options);
  ASSERT_TRUE(old.sink.wait_healthy());
  std::vector<std::string> channels;
  for (int i = 0; i < 20; ++i) channels.push_back("channel " + std::to_string(i));
  ASSERT_TRUE(old.subscribe(channels));
  admin.grow_topic(options.topic, 7);
  while (admin.partitions(options.topic) != 7) {
  }
  Node young(options);
  ASSERT_TRUE(young.sink.wait_healthy());
  for (const auto& channel : channels) young.publish_surely(channel, "x");
  for (const auto& channel : channels) EXPECT_EQ(old.sink.wait(channel, 1).size(), 1u);
}

TEST(KafkaTest, ChannelsWithAPrefixHaveATopicOfTheirOwn) {
  auto options = options_for(shared_kafka().address());
  options.topics = {"a/=" + options.topic + "-a", "a/b/=" + options.topic + "-ab"};
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(node.subscribe({"x", "a/x", "a/b/x"}));
  const KafkaAdmin admin(shared_kafka().address());
  admin.produce(options.topic, 0, "x", "1");
  admin.produce(options.topic + "-a", 0, "a/x", "2");
  admin.produce(options.topic + "-ab", 0, "a/b/x", "3");
  EXPECT_EQ(texts(node.sink.wait("x", 1)), (Texts{"1"}));
  EXPECT_EQ(texts(node.sink.wait("a/x", 1)), (Texts{"2"}));
  EXPECT_EQ(texts(node.sink.wait("a/b/x", 1)), (Texts{"3"}));
}

TEST(KafkaTest, WhatTheTopicRefusesIsTooLarge) {
  const auto options = options_for(shared_kafka().address());
  KafkaAdmin(shared_kafka().address()).create_topic(options.topic, 1, {{"max.message.bytes", "2000"}});
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  const auto refused = node.publish("news", std::string(50'000, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::too_large);
  EXPECT_TRUE(node.publish("news", "small"));
}

TEST(KafkaTest, ForeignRecordsAreDeliveredOrCounted) {
  const auto options = options_for(shared_kafka().address());
  const KafkaAdmin admin(shared_kafka().address());
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  ASSERT_TRUE(node.subscribe({"news"}));
  admin.produce(options.topic, 0, "news", "of another");
  admin.produce(options.topic, 0, nullptr, "without a key");
  admin.produce(options.topic, 0, nullptr, nullptr);
  admin.produce(options.topic, 0, "news", nullptr);
  admin.produce(options.topic, 0, nullptr, "x", {{"hf-log", "1 founding 0000000000000000 0 1"}});
  admin.produce(options.topic, 0, nullptr, "x", {{"hf-log", ""}});
  admin.produce(options.topic, 0, "news", "x", {{"hf-log", "2 repeat 0123456789abcdef 0 1"}});
  ASSERT_TRUE(node.publish("news", "ours"));
  EXPECT_EQ(texts(node.sink.wait("news", 3)), (Texts{"of another", "", "ours"}));
  EXPECT_NE(node.metrics.render().find("holdfast_kafka_garbage_total 5"), std::string::npos);
  EXPECT_TRUE(node.sink.gaps().empty());
}

// ---- several nodes

TEST(KafkaTest, NodesThatStartAtOnceAgreeOnTheEpochs) {
  const auto options = options_for(shared_kafka().address(), 3);
  KafkaAdmin(shared_kafka().address()).create_topic(options.topic, 3);
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < 4; ++i) nodes.push_back(std::make_unique<Node>(options));
  for (auto& node : nodes) ASSERT_TRUE(node->sink.wait_healthy());
  for (const char* channel : {"a", "b", "c", "d", "e"}) {
    std::vector<std::future<Result<PublishReceipt>>> answers;
    answers.reserve(nodes.size());
    for (auto& node : nodes) answers.push_back(node->publish_later(channel, "x"));
    std::vector<Position> positions;
    for (auto& answer : answers) {
      const auto receipt = answer.get();
      ASSERT_TRUE(receipt) << receipt.error().text;
      positions.push_back(receipt->position);
    }
    for (auto& node : nodes) {
      for (const auto& position : positions) EXPECT_EQ(position.epoch, positions[0].epoch);
      const auto page = node->read_surely(channel, {});
      EXPECT_EQ(page.publications.size(), nodes.size());
      EXPECT_TRUE(page.continuous);
    }
  }
  for (auto& node : nodes) EXPECT_TRUE(node->sink.gaps().empty());
}

TEST(KafkaTest, AKeyCountsOnAllNodes) {
  const auto options = options_for(shared_kafka().address());
  Node one(options);
  Node two(options);
  ASSERT_TRUE(one.sink.wait_healthy());
  ASSERT_TRUE(two.sink.wait_healthy());
  ASSERT_TRUE(two.subscribe({"news"}));
  for (int i = 0; i < 10; ++i) {
    const std::string key = "key " + std::to_string(i);
    const auto first = one.publish("news", "x", key);
    const auto second = two.publish("news", "x", key);
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(first->duplicate);
    EXPECT_TRUE(second->duplicate);
    EXPECT_EQ(first->position, second->position);
  }
  EXPECT_NE(one.metrics.render().find("holdfast_kafka_duplicates_total 0"), std::string::npos);  // none was even written
  // One that comes later knows the keys too.
  Node three(options);
  ASSERT_TRUE(three.sink.wait_healthy());
  EXPECT_TRUE(three.publish("news", "x", "key 3")->duplicate);
  // At once: one of them was first, and both are told the same.
  for (int i = 0; i < 30; ++i) {
    const std::string key = "race " + std::to_string(i);
    auto first = one.publish_later("news", "x", key);
    auto second = two.publish_later("news", "x", key);
    const auto a = first.get();
    const auto b = second.get();
    ASSERT_TRUE(a && b);
    EXPECT_NE(a->duplicate, b->duplicate);
    EXPECT_EQ(a->position, b->position);
  }
  ASSERT_TRUE(one.publish("news", "end"));
  const auto got = two.sink.wait("news", 41);
  EXPECT_EQ(got.size(), 41u);
  EXPECT_EQ(got.back()->envelope.str(), "end");
  EXPECT_EQ(three.read_surely("news", {}).publications.size(), 41u);
}

// ---- history

TEST(KafkaTest, WhatMemoryLostIsReadFromKafka) {
  auto options = options_for(shared_kafka().address());
  options.history_bytes = 1 << 16;
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  std::vector<Position> positions;
  for (size_t i = 0; i < 100; ++i) {
    positions.push_back(node.publish_surely("news", std::to_string(i)).position);
    node.publish_surely("other", std::string(3'000, 'x'));
  }
  const auto page = node.read_surely("news", positions[10]);
  EXPECT_TRUE(page.continuous);
  EXPECT_EQ(texts(page.publications), numbers(11, 100));
  EXPECT_EQ(page.top, positions.back());
  const auto limited = node.read("news", positions[10], 5);
  ASSERT_TRUE(limited);
  EXPECT_TRUE(limited->continuous);
  EXPECT_EQ(texts(limited->publications), numbers(11, 16));
  const auto all = node.read_surely("news", {});
  EXPECT_TRUE(all.continuous);
  EXPECT_EQ(texts(all.publications), numbers(0, 100));
  EXPECT_NE(node.metrics.render().find("holdfast_kafka_scans_total 3"), std::string::npos);

  // Beyond the budget it is not known.
  options.scan_messages = 20;
  Node thrifty(options);
  ASSERT_TRUE(thrifty.sink.wait_healthy());
  const auto refused = thrifty.read_surely("news", positions[10]);
  EXPECT_FALSE(refused.continuous);
  ASSERT_FALSE(refused.publications.empty());
  EXPECT_EQ(refused.publications.back()->position, positions.back());
  // Kafka itself has dropped it.
  KafkaAdmin(shared_kafka().address()).delete_records(options.topic, 0, static_cast<int64_t>(positions[50].offset));
  EXPECT_FALSE(node.read_surely("news", positions[10]).continuous);
  EXPECT_FALSE(node.read_surely("news", {}).continuous);
  const auto kept = node.read_surely("news", positions[60]);
  EXPECT_TRUE(kept.continuous);
  EXPECT_EQ(texts(kept.publications), numbers(61, 100));
}

TEST(KafkaTest, ALogWithoutItsMarksGetsANewEpochForAllNodes) {
  const auto options = options_for(shared_kafka().address());
  Node old(options);
  ASSERT_TRUE(old.sink.wait_healthy());
  ASSERT_TRUE(old.subscribe({"news"}));
  const auto before = old.publish_surely("news", "1").position;
  KafkaAdmin(shared_kafka().address()).delete_records(options.topic, 0, static_cast<int64_t>(before.offset));
  Node young(options);
  ASSERT_TRUE(young.sink.wait_healthy());
  const auto after = young.publish_surely("news", "2").position;
  EXPECT_NE(after.epoch, before.epoch);
  const auto got = old.sink.wait("news", 2);
  EXPECT_EQ(got.back()->position, after);
  EXPECT_EQ(old.sink.gaps(), (Texts{"news"}));
  EXPECT_FALSE(old.read_surely("news", before).continuous);
}

}  // namespace
}  // namespace holdfast::broker_test
