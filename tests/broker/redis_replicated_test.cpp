#include "redis_fixture.h"

// Acknowledged only when a replica has it too.

namespace holdfast::broker_test {
namespace {

using RedisReplicatedTest = RedisTest;

RedisOptions replicated() {
  RedisOptions options;
  options.ack = "replicated";
  options.timeout = Duration(2'000);
  return options;
}

// A replica is sent what is written from its first acknowledgement on, which comes within a second.
bool is_followed(const RedisServer& primary) {
  return eventually([&] {
    primary.command({"SET", "x", "x"});
    const auto info = primary.command({"INFO", "replication"});
    return info.find("state=online") != std::string::npos && info.find("state=online,offset=0,") == std::string::npos;
  });
}

TEST_F(RedisReplicatedTest, WithoutAReplicaItIsRefusedThoughDeliveredAndTheKeyMakesARetrySafe) {
  const RedisServer primary({"--repl-diskless-sync-delay", "0"});
  connect(primary, replicated());
  ASSERT_TRUE(subscribe({"news"}));
  const auto refused = publish("news", "1", "key");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_NE(refused.error().text.find("on the primary only"), std::string::npos) << refused.error().text;
  EXPECT_EQ(texts(sink.wait("news", 1)), (Texts{"1"}));
  EXPECT_FALSE(publish("news", "1", "key"));

  RedisServer replica({"--replicaof", "127.0.0.1", primary.port()});
  ASSERT_TRUE(is_followed(primary));
  const auto again = publish("news", "1", "key");
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_TRUE(again->duplicate);
  const auto next = publish("news", "2");
  ASSERT_TRUE(next) << next.error().text;
  EXPECT_EQ(replica.command({"HGET", "holdfast:m:news", "s"}), "2");
  EXPECT_EQ(texts(sink.wait("news", 2)), (Texts{"1", "2"}));
}

TEST_F(RedisReplicatedTest, ManyAtOnceShareTheWait) {
  const RedisServer primary({"--repl-diskless-sync-delay", "0"});
  RedisServer replica({"--replicaof", "127.0.0.1", primary.port()});
  ASSERT_TRUE(is_followed(primary));
  connect(primary, replicated());
  ASSERT_TRUE(sink.wait_healthy());
  constexpr size_t kCount = 2000;
  std::vector<std::promise<std::string>> answers(kCount);
  for (auto& answer : answers) {
    broker->publish({{"news", Bytes::copy("x"), {}}}, [&answer](const std::vector<Result<PublishReceipt>>& receipts) {
      answer.set_value(receipts[0] ? "" : receipts[0].error().text);
    });
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get_future().get(), "");
  EXPECT_EQ(replica.command({"HGET", "holdfast:m:news", "s"}), std::to_string(kCount));
}

TEST_F(RedisReplicatedTest, AReplicaThatStallsDelaysNothingButTheAcknowledgement) {
  const RedisServer primary({"--repl-diskless-sync-delay", "0"});
  RedisServer replica({"--replicaof", "127.0.0.1", primary.port()});
  ASSERT_TRUE(is_followed(primary));
  connect(primary, replicated());
  ASSERT_TRUE(subscribe({"news"}));
  ASSERT_TRUE(publish("news", "1"));
  replica.pause();
  const auto refused = publish("news", "2");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("on the primary only"), std::string::npos) << refused.error().text;
  EXPECT_EQ(texts(sink.wait("news", 2)), (Texts{"1", "2"}));
  replica.resume();
  EXPECT_TRUE(eventually([&] { return publish("news", "3").has_value(); }));
}

}  // namespace
}  // namespace holdfast::broker_test
