#include "gateway/hub/mailbox.h"
#include "hub_support.h"

namespace holdfast::hub_test {
namespace {

using HubNode = HubTest;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(HubNode, OneSubscriptionAtTheBrokerServesAllLoops) {
  make({}, 3);
  auto a = listener("news", 0);
  auto b = listener("news", 2);
  EXPECT_EQ(broker.calls, (Events{"subscribe news"}));
  broker.say("news", text("one"));
  settle();
  EXPECT_EQ(a->events, (Events{"one 7:1"}));
  EXPECT_EQ(b->events, (Events{"one 7:1"}));
}

TEST_F(HubNode, ReloadsDoNotFlapAtTheBroker) {
  make();
  for (int i = 0; i < 5; ++i) {
    auto a = listener("news");
    EXPECT_EQ(shard().channels(), 1u);
    a.reset();
    EXPECT_EQ(shard().channels(), 0u);
    advance(milliseconds(1500));
  }
  EXPECT_EQ(broker.calls, (Events{"subscribe news"}));
  advance(seconds(2));
  EXPECT_EQ(broker.calls, (Events{"subscribe news", "unsubscribe news"}));
  auto again = listener("news");
  EXPECT_EQ(broker.calls.back(), "subscribe news");
}

TEST_F(HubNode, WhoComesDuringAnUnsubscribeIsSubscribedAfterIt) {
  make();
  auto a = listener("news");
  a.reset();
  node->advance(seconds(2));  // the unsubscribe is under way
  EXPECT_EQ(broker.calls.back(), "unsubscribe news");
  Recorder b;
  shard().subscribe(b.subscription, {"news", {}});
  node->run();
  EXPECT_TRUE(b.events.empty());
  EXPECT_EQ(broker.calls.size(), 2u);
  settle();
  EXPECT_EQ(broker.calls.back(), "subscribe news");
  EXPECT_EQ(b.take(), (Events{"subscribed 7:0"}));
  broker.say("news", text("one"));
  settle();
  EXPECT_EQ(b.take(), (Events{"one 7:1"}));
}

TEST_F(HubNode, AConfirmationOfAnEarlierSubscriptionIsNotBelieved) {
  make();
  auto a = listener("news");
  a.reset();
  auto b = std::make_unique<Recorder>();
  shard().subscribe(b->subscription, {"news", {}});  // confirmed at once; the mail lies there
  b.reset();
  node->advance(seconds(2));
  broker.answer();  // unsubscribed
  Recorder c;
  shard().subscribe(c.subscription, {"news", {}});
  broker.reads.clear();
  node->run();
  EXPECT_TRUE(broker.reads.empty());  // a top read now would be from before the subscription
  settle();
  EXPECT_EQ(c.events, (Events{"subscribed 7:0"}));
}

TEST_F(HubNode, WhoLeavesBeforeTheBrokerAnsweredIsForgotten) {
  make();
  auto a = std::make_unique<Recorder>();
  shard().subscribe(a->subscription, {"news", {}});
  a.reset();
  settle();
  advance(seconds(2));
  advance(seconds(2));
  EXPECT_EQ(broker.calls, (Events{"subscribe news", "unsubscribe news"}));
  EXPECT_TRUE(broker.subscribed.empty());
}

TEST_F(HubNode, ARefusedSubscribeIsTriedAgainUntilItSucceeds) {
  make();
  broker.refuse = true;
  Recorder a;
  shard().subscribe(a.subscription, {"news", {}});
  settle();
  EXPECT_TRUE(a.events.empty());
  for (int i = 0; i < 3; ++i) advance(seconds(5));
  EXPECT_GE(broker.calls.size(), 3u);
  EXPECT_TRUE(a.events.empty());
  broker.refuse = false;
  advance(seconds(5));
  EXPECT_EQ(a.events.at(0), "subscribed 7:0");
}

TEST_F(HubNode, TheFirstSubscriptionIsNotedOnceAboutASecondLater) {
  make({}, 2);
  auto a = listener("news");
  advance(milliseconds(500));
  auto b = listener("news");
  auto elsewhere = listener("news", 1);
  for (auto* each : {a.get(), b.get(), elsewhere.get()}) each->notes_first = true;
  advance(milliseconds(499));
  EXPECT_TRUE(a->events.empty());
  advance(milliseconds(201));
  EXPECT_EQ(a->events, (Events{"first"}));
  EXPECT_EQ(b->events, (Events{"first"}));
  EXPECT_TRUE(elsewhere->events.empty());
  auto later = listener("news");
  later->notes_first = true;
  advance(seconds(3));
  EXPECT_TRUE(later->events.empty());
  EXPECT_EQ(a->events.size(), 1u);
}

TEST_F(HubNode, ALingeringChannelKeepsItsIdsAndItsSubscription) {
  make();
  auto a = listener("news");
  broker.say("news", text("one", "1"));
  settle();
  shard().unsubscribe(a->subscription, true);
  broker.say("news", text("two", "2", "1"));
  settle();
  EXPECT_EQ(shard().last_id("news"), "2");
  advance(seconds(59));
  EXPECT_EQ(shard().last_id("news"), "2");
  auto b = listener("news");
  shard().unsubscribe(b->subscription, true);
  advance(seconds(59));
  EXPECT_EQ(shard().last_id("news"), "2");
  EXPECT_EQ(broker.calls, (Events{"subscribe news"}));
  advance(seconds(1));
  EXPECT_EQ(shard().last_id("news"), std::nullopt);
  EXPECT_EQ(shard().channels(), 0u);
  advance(seconds(2));
  EXPECT_EQ(broker.calls.back(), "unsubscribe news");
}

TEST_F(HubNode, WithoutLingerTheIdsGoWithTheLastListener) {
  make();
  auto a = listener("news");
  broker.say("news", text("one", "1"));
  settle();
  EXPECT_EQ(shard().last_id("news"), "1");
  shard().unsubscribe(a->subscription, false);
  EXPECT_EQ(shard().last_id("news"), std::nullopt);
}

TEST_F(HubNode, GaugesFollowChannelsAndSubscriptions) {
  make();
  auto channels = [&] { return node->metrics.gauge("holdfast_channels", "").value(); };
  auto subscriptions = [&] { return node->metrics.gauge("holdfast_subscriptions", "").value(); };
  auto a = listener("news");
  auto b = listener("news");
  auto c = listener("sport");
  EXPECT_EQ(channels(), 2);
  EXPECT_EQ(subscriptions(), 3);
  b.reset();
  c.reset();
  EXPECT_EQ(channels(), 1);
  EXPECT_EQ(subscriptions(), 1);
  broker.say("news", text("one"));
  EXPECT_EQ(count("holdfast_publications_received_total"), 1);
}

TEST_F(HubNode, ItIsHealthyAsTheBrokerSays) {
  make();
  EXPECT_TRUE(node->hub.healthy());
  broker.sink().on_health(false, "gone");
  EXPECT_FALSE(node->hub.healthy());
}

TEST_F(HubNode, NothingIsPostedToALoopWhoseShardIsGone) {
  make({}, 2);
  auto a = listener("news", 1);
  a.reset();
  node->loops[1]->shard.reset();
  broker.say("news", text("one"));
  EXPECT_FALSE(node->loops[1]->posts.run());
}

TEST(Mailbox, OnePostServesABurst) {
  int posts = 0;
  Mailbox box([&](const std::function<void()>&) { ++posts; });
  const auto publication = std::make_shared<Publication>();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(box.put(Mail{Mail::Kind::publication, publication, {}, {}}));
  EXPECT_EQ(posts, 1);
  std::vector<Mail> taken;
  box.take(taken);
  EXPECT_EQ(taken.size(), 3u);
  taken.clear();
  box.put(Mail{Mail::Kind::publication, publication, {}, {}});  // the loop is not done yet
  EXPECT_EQ(posts, 1);
  box.take(taken);
  taken.clear();
  box.take(taken);
  EXPECT_TRUE(taken.empty());
  box.put(Mail{Mail::Kind::publication, publication, {}, {}});
  EXPECT_EQ(posts, 2);
}

TEST(Mailbox, WhatDoesNotFitBecomesAGapPerChannel) {
  Mailbox box([](const std::function<void()>&) {});
  auto publication = std::make_shared<Publication>();
  publication->channel = "news";
  for (size_t i = 0; i < Mailbox::kMost; ++i) ASSERT_TRUE(box.put(Mail{Mail::Kind::publication, publication, {}, {}}));
  EXPECT_FALSE(box.put(Mail{Mail::Kind::publication, publication, {}, {}}));
  EXPECT_FALSE(box.put(Mail{Mail::Kind::publication, publication, {}, {}}));
  std::vector<Mail> taken;
  box.take(taken);
  ASSERT_EQ(taken.size(), Mailbox::kMost + 1);
  EXPECT_EQ(taken.back().kind, Mail::Kind::gap);
  EXPECT_EQ(taken.back().channel, "news");
}

}  // namespace
}  // namespace holdfast::hub_test
