#include <ctime>
#include <future>

#include "control/service.h"
#include "gateway/message/item_codec.h"
#include "tests/unit/control_support.h"

namespace holdfast::control {
namespace {

using std::chrono::milliseconds;

const Caller& kAnybody = Caller::anybody();

Item item(const std::string& channel) {
  Item made;
  made.channel = channel;
  made.http_stream.emplace();
  made.http_stream->content = Bytes::literal("x");
  return made;
}

class ServiceTest : public testing::Test {
 protected:
  int64_t count(const std::string& name) { return metrics_.counter(name, "").value(); }

  Metrics metrics_;
  FakeNode node_;
  FakeBroker broker_;
  SystemClock clock_;
  Fleet fleet_{broker_, node_, {"n1", "here", "all", "test"}, clock_, metrics_};
  Service service_{broker_, node_, fleet_, metrics_};
};

TEST_F(ServiceTest, ItemsReachTheBrokerInOrderAndEachHasAReceipt) {
  const auto receipts = service_.publish(kAnybody, {item("a"), item("b"), item("a")});
  ASSERT_EQ(receipts.size(), 3u);
  for (const auto& receipt : receipts) EXPECT_TRUE(receipt);
  EXPECT_EQ(broker_.channels(), (std::vector<std::string>{"a", "b", "a"}));
  EXPECT_EQ(count("holdfast_published_items_total"), 3);
  EXPECT_EQ(count("holdfast_publish_requests_total"), 1);
}

TEST_F(ServiceTest, NothingToPublishIsNotTheBrokersBusiness) {
  broker_.hold();
  EXPECT_TRUE(service_.publish(kAnybody, {}).empty());
  EXPECT_TRUE(broker_.channels().empty());
}

TEST_F(ServiceTest, ARefusedItemIsToldApartFromAnAcceptedOne) {
  broker_.judge([](const PublishRequest& request) -> Result<PublishReceipt> {
    if (request.channel == "bad") return fail(ErrorKind::too_large, "too much");
    return PublishReceipt{.position = {1, 7}};
  });
  const auto receipts = service_.publish(kAnybody, {item("good"), item("bad")});
  ASSERT_EQ(receipts.size(), 2u);
  ASSERT_TRUE(receipts[0]);
  EXPECT_EQ(receipts[0]->position.offset, 7u);
  ASSERT_FALSE(receipts[1]);
  EXPECT_EQ(receipts[1].error().kind, ErrorKind::too_large);
  EXPECT_EQ(count("holdfast_published_items_total"), 1);
  EXPECT_EQ(count("holdfast_publish_refused_total"), 1);
}

TEST_F(ServiceTest, ABrokerThatDoesNotAnswerIsUnavailableAndMayAnswerLater) {
  Service hasty(broker_, node_, fleet_, metrics_, milliseconds(1));
  broker_.hold();
  const auto receipts = hasty.publish(kAnybody, {item("a"), item("b")});
  ASSERT_EQ(receipts.size(), 2u);
  for (const auto& receipt : receipts) {
    ASSERT_FALSE(receipt);
    EXPECT_EQ(receipt.error().kind, ErrorKind::unavailable);
  }
  broker_.release();  // the late completion finds its memory alive; the sanitizers watch
  EXPECT_TRUE(service_.publish(kAnybody, {item("c")})[0]);
}

TEST_F(ServiceTest, AMissingReceiptIsNoSuccess) {
  broker_.lose_receipts(1);
  const auto receipts = service_.publish(kAnybody, {item("a"), item("b")});
  ASSERT_EQ(receipts.size(), 2u);
  EXPECT_TRUE(receipts[0]);
  EXPECT_FALSE(receipts[1]);
}

TEST_F(ServiceTest, KeysGoWithTheirItems) {
  std::vector<std::string> keys;
  broker_.judge([&](const PublishRequest& request) -> Result<PublishReceipt> {
    keys.push_back(request.idempotency_key);
    return PublishReceipt{.position = {1, 1}};
  });
  service_.publish(kAnybody, {item("a"), item("b")}, {"k", ""});
  service_.publish(kAnybody, {item("a")});
  EXPECT_EQ(keys, (std::vector<std::string>{"k", "", ""}));
}

TEST_F(ServiceTest, AnItemSaysWhichNodeTookItAndWhen) {
  Bytes envelope;
  broker_.judge([&](const PublishRequest& request) -> Result<PublishReceipt> {
    envelope = request.envelope;
    return PublishReceipt{};
  });
  service_.publish(kAnybody, {item("a")});
  const auto sent = decode(envelope.view(), "a");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->origin.node, "n1");
  EXPECT_NEAR(static_cast<double>(sent->origin.at) / 1e6, static_cast<double>(std::time(nullptr)), 10);
}

TEST_F(ServiceTest, NothingIsPublishedWhenOneItemIsNotTheCallersOwn) {
  const Caller caller{"billing", {"bills-"}, {}, false};
  const auto receipts = service_.publish(caller, {item("bills-1"), item("news"), item("bills-2")});
  ASSERT_EQ(receipts.size(), 3u);
  for (const auto& receipt : receipts) ASSERT_FALSE(receipt);
  EXPECT_EQ(receipts[1].error().kind, ErrorKind::denied);
  EXPECT_EQ(receipts[1].error().text, "billing may not publish to channel news");
  EXPECT_TRUE(broker_.channels().empty());
  EXPECT_EQ(count("holdfast_publish_refused_total"), 3);
  EXPECT_TRUE(service_.publish(caller, {item("bills-1")})[0]);
}

TEST_F(ServiceTest, APublishThatDoesNotWaitIsAnsweredOnce) {
  std::promise<Service::Receipts> answered;
  broker_.hold();
  service_.publish(kAnybody, {item("a"), item("b")}, {}, [&](Service::Receipts receipts) { answered.set_value(std::move(receipts)); });
  broker_.release();
  const auto receipts = answered.get_future().get();
  ASSERT_EQ(receipts.size(), 2u);
  EXPECT_TRUE(receipts[0] && receipts[1]);
  EXPECT_EQ(count("holdfast_published_items_total"), 2);
}

TEST_F(ServiceTest, AWatchIsHeldToWhatItsCallerMayRead) {
  const Caller caller{"reader", {}, {"news"}, false};
  EXPECT_EQ(service_.watch(caller, "bills", "").error().kind, ErrorKind::denied);
  EXPECT_EQ(service_.watch(caller, "holdfast/nodes", "").error().kind, ErrorKind::invalid);
  EXPECT_EQ(service_.watch(caller, "news", "h1.nonsense").error().kind, ErrorKind::invalid);
  const auto feed = service_.watch(caller, "news", format_token({{"news", {7, 3}}}));
  ASSERT_TRUE(feed) << feed.error().text;
  EXPECT_EQ(node_.watched, "news");
  EXPECT_EQ(node_.from, std::optional(Position{7, 3}));
  EXPECT_EQ((*feed)->wait(Duration(0))->kind, WatchEvent::Kind::live);
}

TEST_F(ServiceTest, OnlyOperatorsSeeAndTouchNodesAndConnections) {
  const Caller caller{"publisher", {""}, {""}, false};
  EXPECT_EQ(service_.nodes(caller).error().kind, ErrorKind::denied);
  EXPECT_EQ(service_.connections(caller, {}).error().kind, ErrorKind::denied);
  EXPECT_EQ(service_.disconnect(caller, "x").error().kind, ErrorKind::denied);
  EXPECT_EQ(service_.refresh(caller, "x").error().kind, ErrorKind::denied);
  EXPECT_EQ(service_.drain(caller, "n1").error().kind, ErrorKind::denied);
  EXPECT_EQ(service_.recover(caller).error().kind, ErrorKind::denied);
  EXPECT_EQ(node_.drained + node_.recovered, 0);
  EXPECT_EQ(service_.drain(kAnybody, "n2").error().kind, ErrorKind::not_found);
  EXPECT_TRUE(service_.drain(kAnybody, "n1"));
  EXPECT_EQ(node_.drained, 1);
}

TEST(WatchFeed, ASlowReaderIsToldThatItEnded) {
  WatchFeed feed;
  while (feed.push({.kind = WatchEvent::Kind::item})) {
  }
  EXPECT_FALSE(feed.push({.kind = WatchEvent::Kind::item}));
  size_t items = 0;
  std::optional<WatchEvent> event;
  while ((event = feed.take()) && event->kind == WatchEvent::Kind::item) ++items;
  EXPECT_EQ(items, WatchFeed::kMostEvents);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, WatchEvent::Kind::ended);
  EXPECT_FALSE(feed.take());
}

TEST(WatchFeed, TheNodeHearsOfAReaderThatWentOnce) {
  WatchFeed feed;
  int heard = 0;
  feed.on_close([&] { ++heard; });
  feed.close();
  feed.close();
  EXPECT_EQ(heard, 1);
  EXPECT_FALSE(feed.push({}));
  feed.on_close([&] { ++heard; });
  EXPECT_EQ(heard, 2);
}

TEST(WatchFeed, ReadyIsSaidWhenSomethingComesToAnEmptyFeed) {
  WatchFeed feed;
  int ready = 0;
  feed.on_ready([&] { ++ready; });
  feed.push({});
  feed.push({});
  EXPECT_EQ(ready, 1);
  feed.take();
  feed.take();
  feed.push({});
  EXPECT_EQ(ready, 2);
}

TEST_F(ServiceTest, ACallerOverItsRateIsToldWhenToTryAgainAndNothingIsPublished) {
  const Caller slow{.name = "slow", .publish = {""}, .identity = "slow", .rate = 0.1, .burst = 1};
  ASSERT_TRUE(service_.publish(slow, {item("a")})[0]);
  const auto receipts = service_.publish(slow, {item("a"), item("b")});
  ASSERT_EQ(receipts.size(), 2u);
  for (const auto& receipt : receipts) {
    ASSERT_FALSE(receipt);
    EXPECT_EQ(receipt.error().kind, ErrorKind::exhausted);
    EXPECT_GT(receipt.error().retry_after, std::chrono::seconds(8));
    EXPECT_LE(receipt.error().retry_after, std::chrono::seconds(10));
  }
  EXPECT_EQ(broker_.channels().size(), 1u);
  EXPECT_EQ(count("holdfast_publish_throttled_total"), 1);
}

}  // namespace
}  // namespace holdfast::control
