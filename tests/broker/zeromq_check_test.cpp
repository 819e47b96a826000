#include "adapters/zeromq/zeromq_check.h"

#include <gtest/gtest.h>

#include "redis_server.h"

namespace holdfast::broker_test {
namespace {

using State = Finding::State;

State state_of(const Findings& findings, std::string_view what) {
  for (const Finding& one : findings) {
    if (one.what == what) return one.state;
  }
  return State::ok;
}

TEST(ZeromqCheck, PeersThatDoNotAnswerAreNamed) {
  const RedisServer somebody;  // who accepts connections
  ZeromqOptions options;
  options.timeout = Duration(1'000);
  const std::string up = "tcp://" + somebody.address();
  const std::string down = "tcp://127.0.0.1:" + RedisServer::free_port();
  options.peers = {up, down};
  const Findings findings = examine(options);
  EXPECT_EQ(state_of(findings, "zeromq peer " + up), State::ok);
  EXPECT_EQ(state_of(findings, "zeromq peer " + down), State::fail);
  EXPECT_EQ(state_of(findings, "zeromq bind"), State::warn);  // loopback, though there are others
}

TEST(ZeromqCheck, AloneInTheClearOrWithoutHistoryIsNamed) {
  ZeromqOptions options;
  options.bind = "tcp://*:5570";
  options.history_messages = 0;
  const Findings findings = examine(options);
  EXPECT_EQ(state_of(findings, "zeromq peers"), State::warn);
  EXPECT_EQ(state_of(findings, "zeromq secret_key"), State::warn);
  EXPECT_EQ(state_of(findings, "zeromq history_messages"), State::warn);
  options.secret_key = std::string(40, 'x');
  EXPECT_EQ(state_of(examine(options), "zeromq secret_key"), State::ok);
}

}  // namespace
}  // namespace holdfast::broker_test
