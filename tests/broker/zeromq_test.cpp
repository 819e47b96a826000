// What is the mesh's own: nodes that come, go, lose each other and meet again.
#include <zmq.hpp>

#include "adapters/zeromq/zeromq_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "harness.h"
#include "tcp_gate.h"

namespace holdfast::broker_test {
namespace {

std::string tcp(uint16_t port) { return "tcp://127.0.0.1:" + std::to_string(port); }

// A node and what came to it.
struct Node {
  explicit Node(ZeromqOptions options) {
    options.heartbeat = Duration(50);
    options.peer_timeout = Duration(1000);
    options.timeout = Duration(1000);
    broker = std::make_unique<ZeromqBroker>(options, clock, metrics);
    const auto bound = broker->bind();
    EXPECT_TRUE(bound) << bound.error().text;
    broker->start(sink);
  }
  ~Node() { broker->stop(); }

  Result<PublishReceipt> publish(const std::string& channel, const std::string& text, const std::string& key = {}) {
    std::promise<Result<PublishReceipt>> answer;
    broker->publish({{channel, Bytes::copy(text), key}},
                    [&](std::vector<Result<PublishReceipt>> receipts) { answer.set_value(receipts.at(0)); });
    return answer.get_future().get();
  }
  std::vector<Result<PublishReceipt>> publish_all(const std::vector<std::string>& channels, const std::string& text) {
    std::vector<PublishRequest> messages;
    for (const auto& channel : channels) messages.push_back({channel, Bytes::copy(text), {}});
    std::promise<std::vector<Result<PublishReceipt>>> answer;
    broker->publish(std::move(messages), [&](std::vector<Result<PublishReceipt>> receipts) { answer.set_value(std::move(receipts)); });
    return answer.get_future().get();
  }
  void subscribe(const std::vector<std::string>& channels) {
    std::promise<Result<void>> answer;
    broker->subscribe(channels, [&](Result<void> result) { answer.set_value(std::move(result)); });
    ASSERT_TRUE(answer.get_future().get());
  }
  Result<HistoryPage> read(const std::string& channel, Position since) {
    std::promise<Result<HistoryPage>> answer;
    broker->history()->read(channel, since, 1000, [&](Result<HistoryPage> page) { answer.set_value(std::move(page)); });
    return answer.get_future().get();
  }
  int64_t count(const std::string& name) { return metrics.counter(name, "").value(); }
  int64_t links() { return metrics.gauge("holdfast_zeromq_links", "").value(); }

  SystemClock clock;
  Metrics metrics;
  RecordingSink sink;
  std::unique_ptr<ZeromqBroker> broker;
};

// Two nodes that reach each other through gates.
class Mesh : public testing::Test {
 protected:
  ZeromqOptions options_of(uint16_t own, uint16_t to_other) const {
    ZeromqOptions options;
    options.bind = tcp(own);
    options.peers = {tcp(to_other)};
    return options;
  }
  void SetUp() override {
    a = std::make_unique<Node>(options_of(port_a, gate_b.port()));
    b = std::make_unique<Node>(options_of(port_b, gate_a.port()));
    ASSERT_TRUE(a->sink.wait_healthy());
    ASSERT_TRUE(b->sink.wait_healthy());
    ASSERT_TRUE(eventually([&] { return a->links() == 1 && b->links() == 1; }));
  }
  const uint16_t port_a = free_port(), port_b = free_port();
  TcpGate gate_a{port_a}, gate_b{port_b};
  std::unique_ptr<Node> a, b;
};

// Many channels, so that each node orders some.
std::vector<std::string> names(const std::string& word, int count = 20) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(word + std::to_string(i));
  return out;
}

TEST_F(Mesh, WhicheverNodeIsPublishedToEveryNodeHearsTheSameOrder) {
  const auto channels = names("order");
  a->subscribe(channels);
  b->subscribe(channels);
  for (int n = 0; n < 10; ++n) {
    for (const auto& channel : channels) ASSERT_TRUE((n % 2 == 0 ? a : b)->publish(channel, std::to_string(n)));
  }
  for (const auto& channel : channels) {
    const auto at_a = a->sink.wait(channel, 10), at_b = b->sink.wait(channel, 10);
    ASSERT_EQ(at_a.size(), 10u);
    ASSERT_EQ(at_b.size(), 10u);
    for (size_t n = 0; n < 10; ++n) {
      EXPECT_EQ(at_a[n]->envelope.str(), std::to_string(n));
      EXPECT_EQ(at_a[n]->position, at_b[n]->position);
    }
  }
  EXPECT_TRUE(a->sink.gaps().empty());
  EXPECT_TRUE(b->sink.gaps().empty());
}

TEST_F(Mesh, AKeyCountsOnEveryNode) {
  for (const auto& channel : names("key", 6)) {
    const auto first = a->publish(channel, "x", "k"), again = b->publish(channel, "x", "k");
    ASSERT_TRUE(first && again);
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(first->position, again->position);
  }
}

TEST_F(Mesh, ANodeThatGoesTakesItsEpochsAlongAndListenersAreTold) {
  const auto channels = names("gone");
  a->subscribe(channels);
  std::map<std::string, Position> before;
  for (const auto& channel : channels) before[channel] = a->publish(channel, "1")->position;
  gate_a.cut();  // no word of it comes out
  gate_b.cut();
  b.reset();
  ASSERT_TRUE(eventually([&] { return a->links() == 0; }));
  size_t moved = 0;
  // Alone among configured peers it takes nothing: it cannot know whether the others are gone or itself.
  const auto refused = a->publish(channels[0], "2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  gate_a.open();
  gate_b.open();
  b = std::make_unique<Node>(options_of(port_b, gate_a.port()));
  ASSERT_TRUE(eventually([&] { return a->links() == 1 && b->links() == 1; }));
  for (const auto& channel : channels) {
    const auto receipt = a->publish(channel, "2");
    ASSERT_TRUE(receipt) << receipt.error().text;
    if (receipt->position.epoch == before[channel].epoch) continue;
    ++moved;
    EXPECT_TRUE(a->sink.wait_gap(channel)) << channel;
    EXPECT_FALSE(a->read(channel, before[channel])->continuous);
  }
  EXPECT_GT(moved, 0u);
}

TEST_F(Mesh, NodesThatJoinAndLeaveAreHandedChannelsAndNobodyNotices) {
  const uint16_t port_c = free_port();
  auto options_c = options_of(port_c, port_a);
  options_c.peers = {tcp(port_a), tcp(port_b)};
  // One that knows all of them.
  ZeromqOptions listens;
  listens.bind = "";
  listens.peers = {tcp(port_a), tcp(port_b), tcp(port_c)};
  a.reset();
  b.reset();
  auto with_c = [&](uint16_t own, uint16_t to_other) {
    auto options = options_of(own, to_other);
    options.peers.push_back(tcp(port_c));
    return options;
  };
  a = std::make_unique<Node>(with_c(port_a, gate_b.port()));
  b = std::make_unique<Node>(with_c(port_b, gate_a.port()));
  ASSERT_TRUE(eventually([&] { return a->links() == 1 && b->links() == 1; }));
  Node listener(listens);
  ASSERT_TRUE(listener.sink.wait_healthy());
  ASSERT_TRUE(eventually([&] { return listener.links() == 2; }));
  const auto channels = names("move", 40);
  listener.subscribe(channels);
  std::map<std::string, Position> first, last;
  for (const auto& channel : channels) first[channel] = listener.publish(channel, "1", "key")->position;

  auto c = std::make_unique<Node>(options_c);
  ASSERT_TRUE(eventually([&] { return a->links() == 2 && b->links() == 2 && c->links() == 2 && listener.links() == 3; }));
  for (const auto& channel : channels) {
    const auto receipt = listener.publish(channel, "2");
    ASSERT_TRUE(receipt) << receipt.error().text;
    EXPECT_EQ(receipt->position, (Position{first[channel].epoch, 2})) << channel;
    EXPECT_TRUE(listener.publish(channel, "1", "key")->duplicate);
  }
  c.reset();
  for (const auto& channel : channels) {
    Result<PublishReceipt> receipt = fail(ErrorKind::unavailable, "");
    ASSERT_TRUE(eventually([&] { return (receipt = listener.publish(channel, "3")).has_value(); }));
    EXPECT_EQ(receipt->position, (Position{first[channel].epoch, 3})) << channel;
    const auto page = listener.read(channel, first[channel]);
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->continuous);
    EXPECT_EQ(page->publications.size(), 2u);
    EXPECT_EQ(listener.sink.wait(channel, 3).size(), 3u);
  }
}

TEST_F(Mesh, WhatACutConnectionTookIsRepaired) {
  const auto channels = names("cut");
  a->subscribe(channels);
  b->subscribe(channels);
  std::map<std::string, Position> first;
  for (const auto& channel : channels) first[channel] = a->publish(channel, "1")->position;
  for (const auto& channel : channels) ASSERT_EQ(b->sink.wait(channel, 1).size(), 1u);
  gate_a.cut();  // what A says does not reach B
  gate_b.cut();
  // Each goes on with those it orders, until it notices that it is alone.
  std::map<std::string, Position> second;
  const auto receipts = a->publish_all(channels, "2");
  for (size_t i = 0; i < channels.size(); ++i) {
    if (receipts[i]) second[channels[i]] = receipts[i]->position;
  }
  gate_a.open();
  gate_b.open();
  ASSERT_TRUE(eventually([&] { return a->links() == 1 && b->links() == 1; }));
  ASSERT_FALSE(second.empty());
  for (const auto& [channel, position] : second) {
    ASSERT_TRUE(b->sink.wait_gap(channel)) << channel;
    const auto page = b->read(channel, first[channel]);
    ASSERT_TRUE(page);
    if (!page->continuous) continue;  // it was told anew
    ASSERT_EQ(page->publications.size(), 1u);
    EXPECT_EQ(page->publications[0]->position, position);
  }
}

TEST_F(Mesh, AStalledConnectionIsFoundAndItsChannelsAreLookedAt) {
  const auto channels = names("stall");
  b->subscribe(channels);
  gate_a.stall();
  gate_b.stall();
  ASSERT_TRUE(eventually([&] { return a->links() == 0 && b->links() == 0; }));
  ASSERT_TRUE(eventually([&] { return !a->publish("stall0", "x"); }));
  gate_a.open();
  gate_b.open();
  ASSERT_TRUE(eventually([&] { return a->links() == 1 && b->links() == 1; }));
  ASSERT_TRUE(eventually([&] { return a->publish("stall0", "after").has_value(); }));
  const auto got = b->sink.wait("stall0", 1);
  ASSERT_FALSE(got.empty());
}

TEST_F(Mesh, NodesThatBothOrderedAChannelBeginItAnewWhenTheyMeet) {
  // Listeners of their own keep both in business while they do not see each other.
  ZeromqOptions of_a, of_b;
  of_a.bind = of_b.bind = "";
  of_a.peers = {tcp(port_a)};
  of_b.peers = {tcp(port_b)};
  Node at_a(of_a), at_b(of_b);
  ASSERT_TRUE(at_a.sink.wait_healthy() && at_b.sink.wait_healthy());
  const auto channels = names("split");
  at_a.subscribe(channels);
  at_b.subscribe(channels);
  gate_a.cut();
  gate_b.cut();
  ASSERT_TRUE(eventually([&] { return a->links() == 0 && b->links() == 0; }));
  std::map<std::string, Position> in_a, in_b;
  for (const auto& channel : channels) {
    const auto one = at_a.publish(channel, "to a"), two = at_b.publish(channel, "to b");
    ASSERT_TRUE(one && two);
    in_a[channel] = one->position;
    in_b[channel] = two->position;
    EXPECT_NE(one->position.epoch, two->position.epoch);
  }
  gate_a.open();
  gate_b.open();
  ASSERT_TRUE(eventually([&] { return a->links() == 1 && b->links() == 1; }));
  for (const auto& channel : channels) {
    // Neither continues: each lacks what the other took.
    EXPECT_TRUE(eventually([&] {
      const auto page = a->read(channel, in_a[channel]);
      return page && !page->continuous;
    })) << channel;
    EXPECT_TRUE(eventually([&] {
      const auto page = b->read(channel, in_b[channel]);
      return page && !page->continuous;
    })) << channel;
  }
}

TEST_F(Mesh, ANodeThatOnlyListensPublishesThroughTheOthers) {
  ZeromqOptions options;
  options.bind = "";
  options.peers = {tcp(port_a), tcp(port_b)};
  Node listener(options);
  ASSERT_TRUE(listener.sink.wait_healthy());
  const auto channels = names("listen", 10);
  listener.subscribe(channels);
  for (const auto& channel : channels) {
    ASSERT_TRUE(listener.publish(channel, "x"));
    EXPECT_EQ(listener.sink.wait(channel, 1).size(), 1u);
  }
}

TEST_F(Mesh, GarbageIsCountedAndHarmsNobody) {
  zmq::context_t context;
  zmq::socket_t stranger(context, zmq::socket_type::xsub);
  stranger.set(zmq::sockopt::linger, 2000);
  stranger.connect(tcp(port_a));
  const std::string huge("\1c\xff\xff\xff\xff\xff\xff\xff\x7f", 10);
  const std::string lines[] = {"\2", "\2garbage", "\3", "\4", "\5xx", "\x7f", std::string(10, '\xff'), "\1c", "\1p", "\1", huge};
  for (const auto& line : lines) stranger.send(zmq::buffer(line), zmq::send_flags::none);
  ASSERT_TRUE(eventually([&] { return a->count("holdfast_zeromq_garbage_total") >= 6; }));
  EXPECT_TRUE(a->publish("after garbage", "x"));
}

TEST(MeshAlone, ANodeWithPeersThatItDoesNotHearTakesNothing) {
  ZeromqOptions options;
  options.bind = tcp(free_port());
  options.peers = {options.bind, tcp(free_port())};
  Node node(options);
  EXPECT_NE(node.sink.wait_unhealthy(), "");
  const auto receipt = node.publish("c", "x");
  ASSERT_FALSE(receipt);
  EXPECT_EQ(receipt.error().kind, ErrorKind::unavailable);
}

TEST(MeshAlone, ANodeWithoutPeersIsABrokerOfItsOwn) {
  ZeromqOptions options;
  options.bind = tcp(free_port());
  options.peers = {options.bind};
  Node node(options);
  ASSERT_TRUE(node.sink.wait_healthy());
  EXPECT_TRUE(eventually([&] { return node.publish("c", "x").has_value(); }));
}

TEST(MeshKeys, OnlyNodesWithTheKeyComeIn) {
  char public_key[41], secret_key[41], other_public[41], other_secret[41];
  ASSERT_EQ(::zmq_curve_keypair(public_key, secret_key), 0);
  ASSERT_EQ(::zmq_curve_keypair(other_public, other_secret), 0);
  ZeromqOptions options, listens, strange;
  options.bind = tcp(free_port());
  options.secret_key = secret_key;
  listens.bind = strange.bind = "";
  listens.peers = strange.peers = {options.bind};
  listens.secret_key = secret_key;
  strange.secret_key = other_secret;
  Node node(options), friendly(listens), stranger(strange);
  ASSERT_TRUE(friendly.sink.wait_healthy());
  friendly.subscribe({"c"});
  ASSERT_TRUE(friendly.publish("c", "x"));
  EXPECT_EQ(friendly.sink.wait("c", 1).size(), 1u);
  EXPECT_NE(stranger.sink.wait_unhealthy(), "");
  EXPECT_EQ(stranger.links(), 0);
}

TEST(MeshKeys, AnOpenAddressWantsAKeyOrAWord) {
  ZeromqOptions options;
  options.bind = "tcp://0.0.0.0:" + std::to_string(free_port());
  SystemClock clock;
  Metrics metrics;
  {
    ZeromqBroker broker(options, clock, metrics);
    const auto bound = broker.bind();
    ASSERT_FALSE(bound);
    EXPECT_NE(bound.error().text.find("secret_key"), std::string::npos);
  }
  options.allow_plain = true;
  ZeromqBroker broker(options, clock, metrics);
  EXPECT_TRUE(broker.bind());
}

TEST(MeshQueues, WhatASlowNodeLosesItIsToldOf) {
  const uint16_t port = free_port();
  TcpGate gate(port);
  ZeromqOptions options, listens;
  options.bind = tcp(port);
  options.high_water_mark = listens.high_water_mark = 100;
  listens.bind = "";
  listens.peers = {tcp(gate.port())};
  Node node(options), slow(listens);
  ASSERT_TRUE(slow.sink.wait_healthy());
  slow.subscribe({"c"});
  ASSERT_TRUE(node.publish("c", "first"));
  ASSERT_EQ(slow.sink.wait("c", 1).size(), 1u);
  gate.stall();
  // More than queue and sockets hold.
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(node.publish("c", large));
  gate.open();
  ASSERT_TRUE(slow.sink.wait_gap("c"));
}

}  // namespace
}  // namespace holdfast::broker_test
