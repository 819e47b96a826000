#include "adapters/kafka/kafka_check.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "kafka_server.h"

// What `holdfast doctor` finds at a Kafka.

namespace holdfast::broker_test {
namespace {

using State = Finding::State;

State state_of(const Findings& findings, std::string_view what) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.what.ends_with(what); });
  if (found == findings.end()) throw std::runtime_error("no finding about " + std::string(what));
  EXPECT_EQ(found->advice.empty(), found->state == State::ok) << found->what;
  return found->state;
}

KafkaOptions with_topic(const std::string& topic) {
  KafkaOptions options;
  options.brokers = {shared_kafka().address()};
  options.topic = topic;
  return options;
}

TEST(KafkaCheck, BadSettingsOfATopicAreNamed) {
  KafkaAdmin(shared_kafka().address())
      .create_topic("check-bad", 2, {{"retention.ms", "60000"}, {"unclean.leader.election.enable", "true"}, {"max.message.bytes", "1000"}});
  const Findings findings = examine(with_topic("check-bad"));
  EXPECT_EQ(state_of(findings, "check-bad partitions"), State::ok);
  EXPECT_EQ(state_of(findings, "replication"), State::warn);
  EXPECT_EQ(state_of(findings, "retention.ms"), State::warn);
  EXPECT_EQ(state_of(findings, "unclean.leader.election.enable"), State::fail);
  EXPECT_EQ(state_of(findings, "max.message.bytes"), State::fail);

  KafkaAdmin(shared_kafka().address()).create_topic("check-compact", 1, {{"cleanup.policy", "compact"}});
  EXPECT_EQ(state_of(examine(with_topic("check-compact")), "cleanup.policy"), State::fail);
}

TEST(KafkaCheck, AMissingTopicIsATroubleOnlyIfNobodyMakesIt) {
  KafkaOptions options = with_topic("check-missing");
  EXPECT_EQ(state_of(examine(options), "check-missing"), State::ok);
  options.create_topics = false;
  EXPECT_EQ(state_of(examine(options), "check-missing"), State::fail);
}

TEST(KafkaCheck, WhoDoesNotAnswerFails) {
  KafkaOptions options;
  options.brokers = {"127.0.0.1:1"};
  options.timeout = Duration(1'000);
  EXPECT_EQ(state_of(examine(options), "kafka"), State::fail);
}

TEST(KafkaCheck, AcknowledgementsMustBeOfMoreThanOne) {
  KafkaTopicFacts facts{.partitions = 4, .replicas = 3, .config = {{"min.insync.replicas", "1"}}};
  EXPECT_EQ(state_of(judge("t", facts, {}), "min.insync.replicas"), State::fail);
  facts.config["min.insync.replicas"] = "2";
  EXPECT_EQ(state_of(judge("t", facts, {}), "min.insync.replicas"), State::ok);
  facts.config["min.insync.replicas"] = "3";
  EXPECT_EQ(state_of(judge("t", facts, {}), "min.insync.replicas"), State::warn);
  facts.leaderless = 1;
  EXPECT_EQ(state_of(judge("t", facts, {}), "partitions"), State::fail);
  facts.config.clear();
  EXPECT_EQ(state_of(judge("t", facts, {}), "settings"), State::warn);
}

TEST(KafkaCheck, PropertiesThatWeakenItFail) {
  KafkaOptions options;
  options.properties = {"acks=1", "linger.ms=5"};
  ASSERT_EQ(judge_properties(options).size(), 1u);
  EXPECT_EQ(judge_properties(options)[0].what, "kafka acks");
  options.properties = {"acks=all", "enable.idempotence=false"};
  EXPECT_EQ(judge_properties(options)[0].what, "kafka enable.idempotence");
}

}  // namespace
}  // namespace holdfast::broker_test
