#include "redis_cluster.h"

#include <atomic>
#include <set>

#include "adapters/redis/slots.h"
#include "redis_certificates.h"
#include "redis_fixture.h"

// What is Redis Cluster's own: primaries that die or hand over, slots that move, a cluster that is down.

namespace holdfast::broker_test {
namespace {

class RedisClusterTest : public RedisTest {
 protected:
  void connect_to(const RedisCluster& cluster) {
    RedisOptions options;
    options.cluster = cluster.addresses();
    connect(options);
  }
  std::string tag_of(const std::string& channel) const { return tags_[partition_of(channel, tags_.size())]; }
  unsigned slot_of_channel(const std::string& channel) const { return slot_of(tag_of(channel)); }
  size_t owner_of(const std::string& channel) const { return RedisCluster::owner_of(slot_of_channel(channel)); }
  // So many, all of which the primary has from the beginning.
  Texts channels_of(size_t primary, size_t count) const {
    Texts out;
    for (int i = 0; out.size() < count; ++i) {
      const auto channel = "c" + std::to_string(i);
      if (owner_of(channel) == primary) out.push_back(channel);
    }
    return out;
  }
  bool is_told(const std::string& channel) {
    const auto gaps = sink.gaps();
    return std::find(gaps.begin(), gaps.end(), channel) != gaps.end();
  }
  // Subscribes, publishes one message on each and waits for it: what was there before is known.
  void warm_up(const Texts& channels) {
    ASSERT_TRUE(subscribe(channels));
    for (const auto& channel : channels) ASSERT_TRUE(publish(channel, "before"));
    for (const auto& channel : channels) ASSERT_EQ(sink.wait(channel, 1).size(), 1u);
  }

  const std::vector<std::string> tags_ = partition_tags(256);
};

TEST_F(RedisClusterTest, APrimaryThatDiesIsReplacedAndOnlyItsChannelsAreTold) {
  RedisCluster cluster({"--cluster-require-full-coverage", "no"});
  connect_to(cluster);
  const auto lost = channels_of(0, 20), others = channels_of(1, 20);
  warm_up(lost);
  warm_up(others);
  const auto before = read(lost[0], {}).value().top;
  ASSERT_TRUE(cluster.primary(0).wait_for_replica());
  cluster.primary(0).kill();
  sink.wait_unhealthy();
  const auto refused = publish(lost[0], "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  for (const auto& channel : others) ASSERT_TRUE(publish(channel, "meanwhile"));
  ASSERT_TRUE(sink.wait_healthy());
  for (const auto& channel : lost) EXPECT_TRUE(is_told(channel)) << channel;
  for (const auto& channel : others) EXPECT_FALSE(is_told(channel)) << channel;
  const auto after = publish(lost[0], "after");
  ASSERT_TRUE(after);
  EXPECT_NE(after->position.epoch, before.epoch);
  EXPECT_EQ(after->position.offset, before.offset + 1);
  EXPECT_EQ(texts(sink.wait(lost[0], 2)), (Texts{"before", "after"}));
  for (const auto& channel : others) EXPECT_EQ(texts(sink.wait(channel, 2)), (Texts{"before", "meanwhile"}));
}

TEST_F(RedisClusterTest, AShardThatIsSilentIsNoticedAndTheOthersGoOn) {
  RedisCluster cluster({}, false);
  RedisOptions options;
  options.cluster = cluster.addresses();
  options.timeout = Duration(1'000);
  connect(options);
  const auto silent = channels_of(1, 5), others = channels_of(2, 5);
  warm_up(silent);
  warm_up(others);
  cluster.gate(1).stall();
  sink.wait_unhealthy();
  EXPECT_FALSE(publish(silent[0], "refused"));
  for (const auto& channel : others) EXPECT_TRUE(publish(channel, "meanwhile"));
  for (const auto& channel : others) EXPECT_EQ(texts(sink.wait(channel, 2)), (Texts{"before", "meanwhile"}));
  cluster.gate(1).open();
  ASSERT_TRUE(sink.wait_healthy());
  for (const auto& channel : silent) EXPECT_TRUE(is_told(channel)) << channel;
  for (const auto& channel : others) EXPECT_FALSE(is_told(channel)) << channel;
  for (const auto& channel : silent) ASSERT_TRUE(publish(channel, "after"));
  for (const auto& channel : silent) EXPECT_EQ(texts(sink.wait(channel, 2)), (Texts{"before", "after"}));
}

TEST_F(RedisClusterTest, AReplicaThatTakesOverByCommandLosesNothing) {
  RedisCluster cluster;
  connect_to(cluster);
  const auto channel = channels_of(1, 1)[0];
  warm_up({channel});
  ASSERT_EQ(cluster.replica(1).command({"CLUSTER", "FAILOVER"}), "OK");
  size_t accepted = 0;
  ASSERT_TRUE(eventually([&] {
    if (publish(channel, "x")) ++accepted;
    return is_told(channel);
  }));
  ASSERT_TRUE(eventually([&] { return publish(channel, "last").has_value(); }));
  EXPECT_TRUE(eventually([&] {
    const auto got = sink.all(channel);
    return !got.empty() && got.back()->envelope.str() == "last";
  }));
  EXPECT_GE(read(channel, {}).value().top.offset, accepted + 2);
}

TEST_F(RedisClusterTest, ASlotThatMovesWhileMuchIsPublishedLosesNothingSilently) {
  RedisCluster cluster({}, false);
  connect_to(cluster);
  auto &from = cluster.primary(0), &to = cluster.primary(2);
  const auto moved = channels_of(0, 1)[0];
  Texts moving;  // all of one slot; much is published on the first three
  for (int i = 0; moving.size() < 4; ++i) {
    const auto channel = "c" + std::to_string(i);
    if (slot_of_channel(channel) == slot_of_channel(moved)) moving.push_back(channel);
  }
  Texts others = channels_of(1, 5);
  for (const auto& channel : channels_of(0, 50)) {
    if (slot_of_channel(channel) != slot_of_channel(moved)) others.push_back(channel);
  }
  warm_up(moving);
  warm_up(others);

  std::atomic<bool> go{true};
  std::map<std::string, Texts> accepted;
  std::thread publisher([&] {
    for (int i = 0; go; ++i) {
      const auto text = std::to_string(i);
      const auto& channel = i % 2 == 0 ? moving[static_cast<size_t>(i) / 2 % 3] : others[static_cast<size_t>(i) % others.size()];
      if (publish(channel, text)) accepted[channel].push_back(text);
    }
  });
  const auto slot = std::to_string(slot_of_channel(moved));
  const auto from_id = from.command({"CLUSTER", "MYID"}), to_id = to.command({"CLUSTER", "MYID"});
  EXPECT_EQ(to.command({"CLUSTER", "SETSLOT", slot, "IMPORTING", from_id}), "OK");
  EXPECT_EQ(from.command({"CLUSTER", "SETSLOT", slot, "MIGRATING", to_id}), "OK");
  EXPECT_TRUE(eventually([&] {
    for (const auto& key : from.list({"CLUSTER", "GETKEYSINSLOT", slot, "1"})) {
      from.command({"MIGRATE", "127.0.0.1", to.port(), key, "0", "5000"});
    }
    return from.command({"CLUSTER", "COUNTKEYSINSLOT", slot}) == "0";
  }));
  // The keys are there, the slot is still here.
  EXPECT_TRUE(publish(moving[3], "between"));
  EXPECT_TRUE(read(moving[3], {}));
  // Neither server has all keys of this one, and none takes it before the slot has moved.
  const auto torn = publish(moving[3], "torn", "new key");
  EXPECT_EQ(torn ? "" : torn.error().text, "Redis: the channel's slot is moving");
  for (auto* node : {&to, &from, &cluster.primary(1)}) EXPECT_EQ(node->command({"CLUSTER", "SETSLOT", slot, "NODE", to_id}), "OK");
  for (const auto& channel : moving) EXPECT_TRUE(sink.wait_gap(channel));
  go = false;
  publisher.join();

  for (const auto& channel : moving) {
    ASSERT_TRUE(publish(channel, "last"));
    EXPECT_TRUE(eventually([&] { return sink.all(channel).back()->envelope.str() == "last"; }));
    // Those that did not come are in history, which whoever is told of the gap reads. (What was before the move is not: a new epoch.)
    const auto got = sink.all(channel);
    const auto came = texts(got), kept = texts(read(channel, {}).value().publications);
    std::set<std::string> all(came.begin(), came.end());
    all.insert(kept.begin(), kept.end());
    if (channel == moving[3]) accepted[channel].push_back("between");
    for (const auto& text : accepted[channel]) EXPECT_TRUE(all.contains(text)) << channel << " " << text;
    for (size_t i = 1; i < got.size(); ++i) EXPECT_GT(got[i]->position.offset, got[i - 1]->position.offset);
  }
  for (const auto& channel : others) {
    Texts expected{"before"};
    expected.insert(expected.end(), accepted[channel].begin(), accepted[channel].end());
    EXPECT_EQ(texts(sink.wait(channel, expected.size())), expected);
    EXPECT_FALSE(is_told(channel));
  }
}

TEST_F(RedisClusterTest, WhoOnlyListensFollowsASlotThatMoves) {
  RedisCluster cluster({}, false);
  connect_to(cluster);
  const auto channel = channels_of(1, 1)[0], other = channels_of(1, 2)[1];
  ASSERT_TRUE(subscribe({channel, other}));
  ASSERT_TRUE(sink.wait_healthy());
  // Twice at the beginning, and then not for longer than this test waits.
  const auto asked_for_slots = [&] {
    size_t calls = 0;
    for (size_t i = 0; i < 3; ++i) {
      const std::string stats = cluster.primary(i).command({"INFO", "commandstats"}), name = "cmdstat_cluster|slots:calls=";
      if (const size_t at = stats.find(name); at != std::string::npos) calls += std::stoul(stats.substr(at + name.size()));
    }
    return calls;
  };
  ASSERT_TRUE(eventually([&] { return asked_for_slots() >= 2; }));
  const auto slot = std::to_string(slot_of_channel(channel));
  auto &from = cluster.primary(1), &to = cluster.primary(0);
  const auto to_id = to.command({"CLUSTER", "MYID"});
  to.command({"CLUSTER", "SETSLOT", slot, "IMPORTING", from.command({"CLUSTER", "MYID"})});
  from.command({"CLUSTER", "SETSLOT", slot, "MIGRATING", to_id});
  for (auto* node : {&to, &from, &cluster.primary(2)}) EXPECT_EQ(node->command({"CLUSTER", "SETSLOT", slot, "NODE", to_id}), "OK");
  ASSERT_TRUE(sink.wait_gap(channel));
  EXPECT_FALSE(is_told(other));
  RedisOptions options;
  options.cluster = cluster.addresses();
  RecordingSink other_sink;
  RedisBroker publisher(options, clock, metrics);
  publisher.start(other_sink);
  ASSERT_TRUE(other_sink.wait_healthy());
  ASSERT_TRUE(publish(publisher, channel, "x"));
  EXPECT_EQ(texts(sink.wait(channel, 1)), (Texts{"x"}));
  publisher.stop();
}

TEST_F(RedisClusterTest, AClusterThatIsDownRefusesAndRecovers) {
  RedisCluster cluster({}, false);
  connect_to(cluster);
  const auto channel = channels_of(0, 1)[0], lost = channels_of(2, 1)[0];
  warm_up({channel, lost});
  cluster.primary(2).kill();
  sink.wait_unhealthy();
  ASSERT_TRUE(eventually([&] { return cluster.primary(0).command({"CLUSTER", "INFO"}).find("cluster_state:fail") != std::string::npos; }));
  const auto refused = publish(channel, "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_NE(refused.error().text.find("CLUSTERDOWN"), std::string::npos) << refused.error().text;
  cluster.primary(2).start();
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(is_told(lost));
  EXPECT_FALSE(is_told(channel));
  EXPECT_TRUE(publish(channel, "y"));
  // The one that came back may itself believe a little longer that the cluster is down.
  EXPECT_TRUE(eventually([&] { return publish(lost, "y").has_value(); }));
  EXPECT_EQ(texts(sink.wait(lost, 2)), (Texts{"before", "y"}));
}

TEST_F(RedisClusterTest, ManyChannelsAreSubscribedAgainWhenTheirConnectionsAreClosed) {
  RedisCluster cluster({}, false);
  connect_to(cluster);
  Texts channels;
  for (int i = 0; i < 2000; ++i) channels.push_back("c" + std::to_string(i));
  ASSERT_TRUE(subscribe(channels));
  ASSERT_TRUE(sink.wait_healthy());
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(cluster.primary(i).command({"CLIENT", "KILL", "TYPE", "pubsub"}), "1");
  ASSERT_TRUE(eventually([&] { return sink.gaps().size() >= channels.size(); }));
  ASSERT_TRUE(sink.wait_healthy());
  std::vector<PublishRequest> messages;
  for (const auto& channel : channels) messages.push_back({channel, Bytes::copy("x"), {}});
  std::promise<size_t> accepted;
  broker->publish(std::move(messages), [&](const std::vector<Result<PublishReceipt>>& receipts) {
    accepted.set_value(static_cast<size_t>(std::count_if(receipts.begin(), receipts.end(), [](const auto& r) { return r.has_value(); })));
  });
  EXPECT_EQ(accepted.get_future().get(), channels.size());
  for (const auto& channel : channels) ASSERT_EQ(texts(sink.wait(channel, 1)), (Texts{"x"})) << channel;
  const auto gaps = sink.gaps();
  EXPECT_EQ(std::set<std::string>(gaps.begin(), gaps.end()).size(), channels.size());
  EXPECT_EQ(gaps.size(), channels.size());
}

TEST_F(RedisClusterTest, AServerThatIsNotInAClusterIsSaid) {
  const RedisServer server;
  RedisOptions options;
  options.cluster = {server.address()};
  connect(options);
  EXPECT_NE(sink.wait_unhealthy().find("cluster support disabled"), std::string::npos);
  EXPECT_FALSE(publish("news", "x"));
}

TEST_F(RedisClusterTest, OneNodeThatAnswersIsEnoughToFindTheOthers) {
  RedisCluster cluster({}, false);
  RedisOptions options;
  options.cluster = {"127.0.0.1:1", cluster.primary(1).address()};
  connect(options);
  ASSERT_TRUE(sink.wait_healthy());
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(publish(channels_of(i, 1)[0], "x"));
}

TEST_F(RedisClusterTest, WorksByTls) {
  Authority authority;
  RedisCluster cluster({}, false, &authority);
  RedisOptions options;
  options.cluster = {cluster.addresses()[2]};
  options.tls = true;
  options.ca_file = authority.certificate();
  connect(options);
  ASSERT_TRUE(sink.wait_healthy());
  for (size_t i = 0; i < 3; ++i) warm_up(channels_of(i, 2));
}

// ---- the spread of channels: nodes of different versions must agree

TEST(RedisSlots, AreThoseOfRedisCluster) {
  EXPECT_EQ(slot_of("123456789"), 0x31c3u);
  EXPECT_EQ(slot_of("foo"), 12182u);
}

TEST(RedisSlots, TagsAreSpreadEvenlyAndStay) {
  const auto tags = partition_tags(256);
  ASSERT_EQ(tags.size(), 256u);
  for (size_t i = 0; i < tags.size(); ++i) EXPECT_EQ(slot_of(tags[i]) / 64, i) << tags[i];
  EXPECT_EQ(tags[0], "0.178");
  EXPECT_EQ(tags[255], "255.279");
  EXPECT_EQ(partition_of("news", 256), 156u);
}

}  // namespace
}  // namespace holdfast::broker_test
