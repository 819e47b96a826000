#include "adapters/redis/redis_check.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "redis_fixture.h"

// What `holdfast doctor` finds at a Redis: real servers with bad settings, and facts that a test cannot make.

namespace holdfast::broker_test {
namespace {

using ::testing::HasSubstr;
using State = Finding::State;

RedisOptions at(const RedisServer& server) {
  RedisOptions options;
  options.address = server.address();
  options.timeout = Duration(3'000);
  return options;
}

const Finding* find(const Findings& findings, std::string_view what) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.what.ends_with(what); });
  return found == findings.end() ? nullptr : &*found;
}

State state_of(const Findings& findings, std::string_view what) {
  const Finding* found = find(findings, what);
  if (found == nullptr) throw std::runtime_error("no finding about " + std::string(what));
  EXPECT_EQ(found->advice.empty(), found->state == State::ok) << found->what;
  return found->state;
}

TEST(RedisCheck, AServerWithSafeSettingsIsFine) {
  const RedisServer server({"--appendonly", "yes"});
  for (const Finding& one : examine(at(server))) EXPECT_EQ(one.state, State::ok) << one.what << ": " << one.text;
}

TEST(RedisCheck, EvictionFails) {
  const RedisServer server({"--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"});
  EXPECT_EQ(state_of(examine(at(server)), "maxmemory-policy"), State::fail);
  server.command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  EXPECT_EQ(state_of(examine(at(server)), "maxmemory-policy"), State::ok);
}

TEST(RedisCheck, KeysThatWereEvictedAreNamed) {
  const RedisServer server({"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-random"});
  server.command({"SET", "a", std::string(1000, 'x')});
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  server.command({"GET", "a"});
  ASSERT_TRUE(eventually([&] { return server.command({"EXISTS", "a"}) != "1"; }));
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(state_of(examine(at(server)), "maxmemory-policy"), State::warn);
}

TEST(RedisCheck, MemoryOnlySnapshotsAndLazyWritesAreNamed) {
  const RedisServer server({"--save", ""});
  EXPECT_EQ(state_of(examine(at(server)), "persistence"), State::warn);
  server.command({"CONFIG", "SET", "save", "3600 1"});
  EXPECT_THAT(find(examine(at(server)), "persistence")->text, HasSubstr("snapshots only (save 3600 1)"));
  server.command({"CONFIG", "SET", "appendonly", "yes"});
  EXPECT_EQ(state_of(examine(at(server)), "persistence"), State::ok);
  server.command({"CONFIG", "SET", "appendfsync", "no"});
  EXPECT_EQ(state_of(examine(at(server)), "persistence"), State::warn);
}

TEST(RedisCheck, ShortPubsubBuffersAreNamed) {
  const RedisServer server({"--client-output-buffer-limit", "pubsub", "16mb", "8mb", "60"});
  EXPECT_EQ(state_of(examine(at(server)), "client-output-buffer-limit"), State::warn);
  server.command({"CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 1mb 60"});
  EXPECT_EQ(state_of(examine(at(server)), "client-output-buffer-limit"), State::fail);
  server.command({"CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0"});
  EXPECT_EQ(state_of(examine(at(server)), "client-output-buffer-limit"), State::ok);
}

TEST(RedisCheck, ReplicasAreToBeWaitedFor) {
  const RedisServer primary({"--repl-diskless-sync-delay", "0"});
  RedisOptions replicated = at(primary);
  replicated.ack = "replicated";
  EXPECT_EQ(state_of(examine(replicated), "replicas"), State::fail);  // nothing would be acknowledged

  const RedisServer replica({"--replicaof", "127.0.0.1", primary.port()});
  ASSERT_TRUE(eventually([&] { return primary.command({"INFO", "replication"}).find("state=online") != std::string::npos; }));
  EXPECT_EQ(state_of(examine(replicated), "replicas"), State::ok);
  EXPECT_EQ(state_of(examine(at(primary)), "min-replicas-to-write"), State::warn);
  primary.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  EXPECT_EQ(state_of(examine(at(primary)), "min-replicas-to-write"), State::ok);
  EXPECT_EQ(state_of(examine(at(replica)), "role"), State::fail);
}

TEST(RedisCheck, WhoDoesNotAnswerOrRefusesFails) {
  RedisOptions nobody;
  nobody.address = "127.0.0.1:" + RedisServer::free_port();
  ASSERT_EQ(examine(nobody).size(), 1u);
  EXPECT_EQ(examine(nobody)[0].state, State::fail);
  EXPECT_THAT(examine(nobody)[0].text, HasSubstr("refused"));

  const RedisServer server({"--requirepass", "x"});
  EXPECT_EQ(examine(at(server))[0].state, State::fail);
  RedisOptions sentinels = at(server);
  sentinels.sentinels = {nobody.address};
  EXPECT_EQ(examine(sentinels)[0].what, "redis sentinels");
  RedisOptions cluster = at(server);
  cluster.cluster = {nobody.address};
  EXPECT_EQ(examine(cluster)[0].what, "redis cluster");
}

TEST(RedisCheck, WhereSettingsMayNotBeReadThatIsSaid) {
  const RedisServer server({"--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config"});
  EXPECT_EQ(state_of(examine(at(server)), "settings"), State::warn);
}

TEST(RedisCheck, AClockThatGoesWrongIsNamed) {
  RedisFacts facts;
  facts.info = {{"role", "master"}};
  const auto clock = [&](int64_t ms) {
    facts.ahead = std::chrono::milliseconds(ms);
    return state_of(judge("redis a:1", facts, {}), "clock");
  };
  EXPECT_EQ(clock(-500), State::ok);
  EXPECT_EQ(clock(-2'000), State::warn);
  EXPECT_EQ(clock(60'000), State::fail);
}

}  // namespace
}  // namespace holdfast::broker_test
