#include "redis_fixture.h"

// What is Redis' own: servers that are down, come back, stall, refuse, or are no longer the primary.

namespace holdfast::broker_test {
namespace {

TEST_F(RedisTest, AServerThatIsDownAtStartIsWaitedFor) {
  RedisServer server;
  server.kill();
  connect(server);
  EXPECT_NE(sink.wait_unhealthy().find("refused"), std::string::npos);
  const auto refused = publish("news", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  std::promise<Result<void>> subscribed;
  broker->subscribe({"news"}, [&](Result<void> result) { subscribed.set_value(std::move(result)); });
  server.start();
  ASSERT_TRUE(sink.wait_healthy());
  ASSERT_TRUE(subscribed.get_future().get());
  ASSERT_TRUE(publish("news", "y"));
  EXPECT_EQ(texts(sink.wait("news", 1)), (Texts{"y"}));
  EXPECT_TRUE(sink.gaps().empty());
}

TEST_F(RedisTest, ARestartIsToldAndBeginsANewEpoch) {
  RedisServer server;
  connect(server);
  ASSERT_TRUE(subscribe({"news", "quiet"}));
  const auto before = publish("news", "1");
  ASSERT_TRUE(before);
  ASSERT_EQ(sink.wait("news", 1).size(), 1u);
  server.kill();
  sink.wait_unhealthy();
  server.start();
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(sink.wait_gap("news"));
  EXPECT_TRUE(sink.wait_gap("quiet"));
  const auto after = publish("news", "2");
  ASSERT_TRUE(after);
  EXPECT_NE(after->position.epoch, before->position.epoch);
  const auto got = sink.wait("news", 2);
  ASSERT_EQ(texts(got), (Texts{"1", "2"}));
  EXPECT_NE(got[1]->previous, got[0]->position);
  EXPECT_FALSE(read("news", before->position)->continuous);
}

TEST_F(RedisTest, ARestartThatKeptItsDataStillBeginsANewEpochBehindTheOld) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  connect(server);
  ASSERT_TRUE(sink.wait_healthy());
  const auto before = publish("news", "1");
  ASSERT_TRUE(before);
  server.kill();
  sink.wait_unhealthy();
  server.start();
  ASSERT_TRUE(sink.wait_healthy());
  const auto page = read("news", before->position);
  ASSERT_TRUE(page);
  EXPECT_FALSE(page->continuous);  // more may have been acknowledged than was kept
  EXPECT_NE(page->top.epoch, before->position.epoch);
  const auto after = publish("news", "2");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->position, (Position{page->top.epoch, before->position.offset + 1}));
}

TEST_F(RedisTest, APromotedReplicaBeginsANewEpoch) {
  RedisServer primary;
  const std::string port = primary.address().substr(primary.address().find(':') + 1);
  RedisServer replica({"--replicaof", "127.0.0.1", port});
  connect(primary);
  ASSERT_TRUE(sink.wait_healthy());
  const auto before = publish("news", "1");
  ASSERT_TRUE(before);
  ASSERT_TRUE(primary.wait_for_replica());
  // The primary counts what it has sent; the replica may still be loading it.
  ASSERT_TRUE(eventually([&] { return replica.command({"INFO", "replication"}).find("master_link_status:up") != std::string::npos; }));

  RedisOptions options;
  options.address = replica.address();
  RecordingSink other_sink;
  RedisBroker other(options, clock, metrics);
  other.start(other_sink);
  EXPECT_NE(other_sink.wait_unhealthy().find("not a primary"), std::string::npos);
  ASSERT_EQ(replica.command({"REPLICAOF", "NO", "ONE"}), "OK");
  ASSERT_TRUE(other_sink.wait_healthy());
  const auto after = publish(other, "news", "2");
  ASSERT_TRUE(after);
  EXPECT_NE(after->position.epoch, before->position.epoch);
  EXPECT_EQ(after->position.offset, before->position.offset + 1);
  other.stop();
}

TEST_F(RedisTest, FlushedScriptsAreLoadedAgainWithoutLossOrDisorder) {
  RedisServer server;
  connect(server);
  ASSERT_TRUE(subscribe({"news"}));
  constexpr size_t kCount = 300;
  std::vector<std::promise<std::string>> answers(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    if (i % 50 == 0) {
      ASSERT_EQ(server.command({"SCRIPT", "FLUSH"}), "OK");
    }
    broker->publish({{"news", Bytes::copy(std::to_string(i)), {}}}, [&answers, i](const std::vector<Result<PublishReceipt>>& receipts) {
      answers[i].set_value(receipts[0] ? "" : receipts[0].error().text);
    });
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get_future().get(), "");
  const auto got = sink.wait("news", kCount);
  ASSERT_EQ(got.size(), kCount);
  for (size_t i = 0; i < kCount; ++i) EXPECT_EQ(got[i]->envelope.str(), std::to_string(i));
  ASSERT_EQ(server.command({"SCRIPT", "FLUSH"}), "OK");
  EXPECT_TRUE(read("news", got[0]->position));
}

TEST_F(RedisTest, AWrongPasswordIsSaidAndTheRightOneWorks) {
  RedisServer server({"--requirepass", "right"});
  RedisOptions options;
  options.password = "wrong";
  connect(server, options);
  EXPECT_NE(sink.wait_unhealthy().find("refuses"), std::string::npos);
  EXPECT_FALSE(publish("news", "x"));
  broker->stop();
  options.password = "right";
  connect(server, options);
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(publish("news", "x"));
}

TEST_F(RedisTest, ForeignMessagesAreCountedAndHarmless) {
  RedisServer server;
  connect(server);
  ASSERT_TRUE(subscribe({"news"}));
  for (const char* text :
       {"", " ", "garbage", "0000000000000000 1 1 x", "0123456789abcdef 0 1 x", "0123456789abcdef 1", "zzzzzzzzzzzzzzzz 1 1 x"}) {
    ASSERT_EQ(server.command({"PUBLISH", "holdfast:c:news", text}), "1");
  }
  ASSERT_TRUE(publish("news", "good"));
  EXPECT_EQ(texts(sink.wait("news", 1)), (Texts{"good"}));
  EXPECT_NE(metrics.render().find("holdfast_redis_garbage_total 7"), std::string::npos);
}

TEST_F(RedisTest, AStalledServerIsLeftAndFoundAgain) {
  RedisServer server;
  RedisOptions options;
  options.timeout = Duration(300);
  connect(server, options);
  ASSERT_TRUE(subscribe({"news"}));
  ASSERT_TRUE(sink.wait_healthy());
  server.pause();
  const auto unanswered = publish("news", "x");
  ASSERT_FALSE(unanswered);
  EXPECT_EQ(unanswered.error().kind, ErrorKind::unavailable);
  EXPECT_NE(unanswered.error().text.find("may have been published"), std::string::npos);
  sink.wait_unhealthy();
  server.resume();
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(sink.wait_gap("news"));
  EXPECT_TRUE(publish("news", "y"));
}

TEST_F(RedisTest, AFullServerRefusesAndNothingIsLost) {
  RedisServer server;
  connect(server);
  ASSERT_TRUE(subscribe({"news"}));
  ASSERT_TRUE(publish("news", "1"));
  ASSERT_EQ(server.command({"CONFIG", "SET", "maxmemory", "1"}), "OK");
  const auto refused = publish("news", "2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_NE(refused.error().text.find("OOM"), std::string::npos);
  ASSERT_EQ(server.command({"CONFIG", "SET", "maxmemory", "0"}), "OK");
  ASSERT_TRUE(publish("news", "3"));
  const auto got = sink.wait("news", 2);
  ASSERT_EQ(texts(got), (Texts{"1", "3"}));
  EXPECT_EQ(got[1]->previous, got[0]->position);
}

TEST_F(RedisTest, AChannelWhoseStateWasEvictedBeginsANewEpoch) {
  RedisServer server;
  connect(server);
  ASSERT_TRUE(subscribe({"news"}));
  const auto before = publish("news", "1");
  ASSERT_TRUE(before);
  ASSERT_EQ(server.command({"DEL", "holdfast:m:news"}), "1");
  const auto after = publish("news", "2");
  ASSERT_TRUE(after);
  EXPECT_NE(after->position.epoch, before->position.epoch);
  EXPECT_EQ(after->position.offset, 1u);
  EXPECT_FALSE(read("news", before->position)->continuous);
  const auto got = sink.wait("news", 2);
  ASSERT_EQ(texts(got), (Texts{"1", "2"}));
  EXPECT_NE(got[1]->previous, got[0]->position);
}

TEST_F(RedisTest, TooMuchUnderWayIsRefusedAtOnce) {
  RedisServer server;
  RedisOptions options;
  options.max_waiting = 1 << 20;
  connect(server, options);
  ASSERT_TRUE(sink.wait_healthy());
  server.pause();
  std::promise<bool> first;
  broker->publish({{"news", Bytes(std::string(700'000, 'x')), {}}},
                  [&](const std::vector<Result<PublishReceipt>>& receipts) { first.set_value(receipts[0].has_value()); });
  const auto second = publish("news", std::string(700'000, 'y'));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text.find("too many"), std::string::npos);
  server.resume();
  EXPECT_TRUE(first.get_future().get());
}

TEST_F(RedisTest, SentinelsSayWhereToGoAfterAFailOver) {
  auto primary = std::make_unique<RedisServer>();
  const std::string port = primary->address().substr(primary->address().find(':') + 1);
  RedisServer replica({"--replicaof", "127.0.0.1", port, "--repl-diskless-sync-delay", "0"});
  const auto sentinel = RedisServer::sentinel("sentinel monitor hf 127.0.0.1 " + port +
                                              " 1\nsentinel down-after-milliseconds hf 500\nsentinel failover-timeout hf 3000\n");
  ASSERT_TRUE(primary->says("Synchronization with replica"));
  ASSERT_TRUE(sentinel->says("+slave"));
  RedisOptions options;
  options.sentinels = {"127.0.0.1:1", sentinel->address()};
  options.sentinel_master = "hf";
  connect(*primary, options);
  ASSERT_TRUE(sink.wait_healthy());
  ASSERT_TRUE(subscribe({"news"}));
  const auto before = publish("news", "1");
  ASSERT_TRUE(before);
  ASSERT_TRUE(primary->wait_for_replica());
  ASSERT_EQ(sink.wait("news", 1).size(), 1u);
  primary->kill();
  sink.wait_unhealthy();
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(sink.wait_gap("news"));
  const auto after = publish("news", "2");
  ASSERT_TRUE(after);
  EXPECT_NE(after->position.epoch, before->position.epoch);
  EXPECT_EQ(after->position.offset, before->position.offset + 1);
  EXPECT_EQ(texts(sink.wait("news", 2)), (Texts{"1", "2"}));
}

TEST(RedisAddress, IsAHostAndAPort) {
  EXPECT_EQ(parse_redis_address("redis.test:6379")->host, "redis.test");
  EXPECT_EQ(parse_redis_address("[::1]:1")->host, "::1");
  for (const char* bad : {"", "redis", ":6379", "redis:", "redis:0", "redis:65536", "redis:6379x", "::1:6379", "[]:1"}) {
    EXPECT_FALSE(parse_redis_address(bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::broker_test
