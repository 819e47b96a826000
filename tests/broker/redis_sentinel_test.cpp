#include "redis_fixture.h"
#include "redis_sentinels.h"

// What is Sentinel's own: a primary that is cut off and lives on, Sentinels that do not answer.

namespace holdfast::broker_test {
namespace {

class RedisSentinelTest : public RedisTest {
 protected:
  static RedisOptions options_for(const std::vector<std::string>& sentinels) {
    RedisOptions options;
    options.sentinels = sentinels;
    options.sentinel_master = RedisSentinels::kName;
    options.timeout = Duration(1'000);
    return options;
  }
};

TEST_F(RedisSentinelTest, AStalledPrimaryIsReplacedAndWhatItTakesAloneIsNotContinued) {
  RedisSentinels sentinels(500);
  connect(options_for(sentinels.addresses()));
  ASSERT_TRUE(subscribe({"news"}));
  const auto before = publish("news", "1");
  ASSERT_TRUE(before);
  ASSERT_EQ(sink.wait("news", 1).size(), 1u);
  ASSERT_TRUE(sentinels.primary().wait_for_replica());
  // Whoever is on its side of the stall goes on with it.
  RedisOptions beside;
  beside.address = sentinels.primary().address();
  RecordingSink other_sink;
  RedisBroker other(beside, clock, metrics);
  other.start(other_sink);
  ASSERT_TRUE(other_sink.wait_healthy());
  sentinels.primary_gate().stall();
  const auto alone = publish(other, "news", "alone");
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->position.epoch, before->position.epoch);
  sink.wait_unhealthy();
  ASSERT_TRUE(sink.wait_healthy());  // at the replica
  EXPECT_TRUE(sink.wait_gap("news"));
  const auto after = publish("news", "2");
  ASSERT_TRUE(after);
  EXPECT_NE(after->position.epoch, before->position.epoch);
  EXPECT_EQ(texts(sink.wait("news", 2)), (Texts{"1", "2"}));
  for (const auto& position : {before->position, alone->position}) EXPECT_FALSE(read("news", position)->continuous);
  // The Sentinels make it a replica when they see it again.
  sentinels.primary_gate().open();
  EXPECT_NE(other_sink.wait_unhealthy(), "");
  EXPECT_FALSE(publish(other, "news", "x"));
  other.stop();
}

TEST_F(RedisSentinelTest, SentinelsThatAreSilentHoldUpNothing) {
  RedisSentinels sentinels(600'000);
  std::vector<std::unique_ptr<TcpGate>> gates;
  std::vector<std::string> addresses;
  for (const auto& address : sentinels.addresses()) {
    gates.push_back(std::make_unique<TcpGate>(static_cast<uint16_t>(std::stoul(address.substr(address.find(':') + 1)))));
    addresses.push_back("127.0.0.1:" + std::to_string(gates.back()->port()));
  }
  connect(options_for(addresses));
  ASSERT_TRUE(subscribe({"news"}));
  ASSERT_TRUE(sink.wait_healthy());
  for (const auto& gate : gates) gate->stall();
  sentinels.primary_gate().cut();
  sink.wait_unhealthy();
  // While it waits for one Sentinel after the other: a second each.
  const auto slowest = std::chrono::milliseconds(1500);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (std::chrono::steady_clock::now() < until) {
    const auto begun = std::chrono::steady_clock::now();
    const auto refused = publish("news", "x");
    ASSERT_FALSE(refused);
    ASSERT_LT(std::chrono::steady_clock::now() - begun, slowest) << refused.error().text;
  }
  sentinels.primary_gate().open();
  gates[2]->open();  // one is enough
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(publish("news", "y"));
}

}  // namespace
}  // namespace holdfast::broker_test
