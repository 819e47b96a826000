#include <atomic>

#include "adapters/redis/scripts.h"
#include "adapters/redis/slots.h"
#include "redis_cluster.h"
#include "redis_fixture.h"

// Live messages that do not come, on channels where no later one tells of it.

namespace holdfast::broker_test {
namespace {

class RedisTopsTest : public RedisTest {
 protected:
  static RedisOptions options() {
    RedisOptions out;
    out.compare_tops = Duration(200);
    return out;
  }
  // As the adapter does it, but the live message goes astray.
  static std::string publish_astray(const RedisServer& server, const std::string& tag, const std::string& channel, bool sharded) {
    const std::string m = tag + "holdfast:m:" + channel, h = tag + "holdfast:h:" + channel;
    const auto fence = server.command({"HGET", m, "g"});
    return server.command({"EVAL", publish_script(sharded ? "SPUBLISH" : "PUBLISH"), "2", m, h, fence, "00000000000000aa", "1000", "lost",
                           tag + "elsewhere", "100", "60000", "60000", "60000"});
  }
  static uint64_t scripts_run(const RedisServer& server) {
    const auto stats = server.command({"INFO", "commandstats"});
    const size_t at = stats.find("cmdstat_evalsha:calls=");
    return at == std::string::npos ? 0 : std::stoull(stats.substr(at + 22));
  }
  // Tops were compared some more times.
  static bool compared_again(const RedisServer& server, uint64_t times = 4) {
    const auto before = scripts_run(server);
    return eventually([&] { return scripts_run(server) >= before + times; });
  }
};

TEST_F(RedisTopsTest, AMissedMessageOnASilentChannelIsToldOnceAndIsInHistory) {
  const RedisServer server;
  connect(server, options());
  ASSERT_TRUE(subscribe({"news", "other"}));
  const auto first = publish("news", "1");
  ASSERT_TRUE(first);
  ASSERT_EQ(sink.wait("news", 1).size(), 1u);
  EXPECT_EQ(publish_astray(server, "", "news", false).substr(17), "2");
  ASSERT_TRUE(sink.wait_gap("news"));
  const auto page = read("news", first->position);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->continuous);
  EXPECT_EQ(texts(page->publications), (Texts{"lost"}));
  ASSERT_TRUE(compared_again(server));
  EXPECT_EQ(sink.gaps(), (Texts{"news"}));
  EXPECT_EQ(texts(sink.all("news")), (Texts{"1"}));
}

TEST_F(RedisTopsTest, AMissedFirstMessageIsTold) {
  const RedisServer server;
  connect(server, options());
  ASSERT_TRUE(subscribe({"news"}));
  ASSERT_TRUE(compared_again(server));
  publish_astray(server, "", "news", false);
  EXPECT_TRUE(sink.wait_gap("news"));
}

TEST_F(RedisTopsTest, WhatWasThereBeforeIsNotMissed) {
  const RedisServer server;
  connect(server, options());
  ASSERT_TRUE(sink.wait_healthy());
  ASSERT_TRUE(publish("news", "1"));
  ASSERT_TRUE(subscribe({"news", "never"}));
  ASSERT_TRUE(read("never", {}));  // makes its state
  ASSERT_TRUE(compared_again(server));
  EXPECT_TRUE(sink.gaps().empty());
}

TEST_F(RedisTopsTest, NothingIsToldInVainWhileMuchIsPublished) {
  const RedisServer server;
  auto often = options();
  often.compare_tops = Duration(100);
  connect(server, often);
  Texts channels;
  for (int i = 0; i < 1500; ++i) channels.push_back("c" + std::to_string(i));
  ASSERT_TRUE(subscribe(channels));
  std::atomic<bool> go{true};
  std::thread publisher([&] {
    for (size_t i = 0; go; ++i) {
      std::vector<PublishRequest> some;
      for (size_t j = 0; j < 50; ++j) some.push_back({channels[(i * 50 + j) % channels.size()], Bytes::copy("x"), {}});
      std::promise<void> answered;
      broker->publish(std::move(some), [&](const std::vector<Result<PublishReceipt>>&) { answered.set_value(); });
      answered.get_future().get();
    }
  });
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(compared_again(server, 500));
  }
  go = false;
  publisher.join();
  EXPECT_TRUE(sink.gaps().empty());
}

TEST_F(RedisTopsTest, ItIsFoundInAClusterToo) {
  RedisCluster cluster({}, false);
  auto wanted = options();
  wanted.cluster = cluster.addresses();
  connect(wanted);
  Texts channels;
  for (int i = 0; i < 20; ++i) channels.push_back("c" + std::to_string(i));
  ASSERT_TRUE(subscribe(channels));
  for (const auto& channel : channels) ASSERT_TRUE(publish(channel, "1"));
  for (const auto& channel : channels) ASSERT_EQ(sink.wait(channel, 1).size(), 1u);
  const auto tags = partition_tags(256);
  for (const size_t i : {3u, 11u}) {
    const auto& tag = tags[partition_of(channels[i], tags.size())];
    const auto& server = cluster.primary(RedisCluster::owner_of(slot_of(tag)));
    EXPECT_EQ(publish_astray(server, "{" + tag + "}:", channels[i], true).substr(17), "2");
  }
  EXPECT_TRUE(sink.wait_gap(channels[3]));
  EXPECT_TRUE(sink.wait_gap(channels[11]));
  EXPECT_EQ(sink.gaps().size(), 2u);
}

}  // namespace
}  // namespace holdfast::broker_test
