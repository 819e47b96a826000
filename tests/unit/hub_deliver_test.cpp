#include <algorithm>

#include "hub_support.h"

namespace holdfast::hub_test {
namespace {

using HubDeliver = HubTest;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(HubDeliver, EveryListenerGetsEveryMessageInOrder) {
  make();
  auto a = listener("news");
  auto b = listener("news");
  auto other = listener("sport");
  broker.say("news", text("one"));
  broker.say("news", text("two"));
  settle();
  EXPECT_EQ(a->events, (Events{"one 7:1", "two 7:2"}));
  EXPECT_EQ(b->events, a->events);
  EXPECT_TRUE(other->events.empty());
}

TEST_F(HubDeliver, NothingComesInsideSubscribeAndNothingAfterUnsubscribe) {
  make();
  auto a = listener("news");
  Recorder late;
  shard().subscribe(late.subscription, {"news", {}});
  EXPECT_TRUE(late.events.empty());
  settle();
  EXPECT_EQ(late.take(), (Events{"subscribed 7:0"}));
  broker.say("news", text("one"));
  shard().unsubscribe(late.subscription, false);
  EXPECT_FALSE(late.subscription.active());
  settle();
  EXPECT_TRUE(late.events.empty());
  EXPECT_EQ(a->events, (Events{"one 7:1"}));
}

TEST_F(HubDeliver, AMessageComesOnceThoughTheBrokerSaysItTwice) {
  make();
  auto a = listener("news");
  const auto said = broker.say("news", text("one"));
  broker.tell(said);
  broker.say("news", text("two"));
  broker.tell(said);
  settle();
  EXPECT_EQ(a->events, (Events{"one 7:1", "two 7:2"}));
  EXPECT_EQ(count("holdfast_duplicates_dropped_total"), 2);
}

TEST_F(HubDeliver, AnIdSeenLatelyOnTheChannelIsDroppedElsewhereItIsNot) {
  make();
  auto a = listener("news");
  auto b = listener("sport");
  broker.say("news", text("one", "1"));
  broker.say("news", text("again", "1"));
  broker.say("sport", text("other", "1"));
  settle();
  EXPECT_EQ(a->take(), (Events{"one 7:1"}));
  EXPECT_EQ(b->take(), (Events{"other 7:1"}));
  advance(seconds(60));
  broker.say("news", text("later", "1"));
  settle();
  EXPECT_EQ(a->take(), (Events{"later 7:3"}));
}

TEST_F(HubDeliver, WithoutTtlNoIdIsADuplicate) {
  HubOptions options;
  options.id_cache_ttl = Duration(0);
  make(options);
  auto a = listener("news");
  broker.say("news", text("one", "1"));
  broker.say("news", text("again", "1"));
  settle();
  EXPECT_EQ(a->events, (Events{"one 7:1", "again 7:2"}));
}

TEST_F(HubDeliver, PrevIdsOrderMessagesAndHideThePositionUntilNoneIsMissingBefore) {
  make();
  auto a = listener("news");
  broker.say("news", text("1", "1"));
  broker.say("news", text("3", "3", "2"));
  broker.say("news", text("4", "4", "3"));
  settle();
  EXPECT_EQ(a->take(), (Events{"1 7:1"}));
  EXPECT_EQ(shard().last_id("news"), "1");
  broker.say("news", text("2", "2", "1"));
  settle();
  EXPECT_EQ(a->take(), (Events{"2 -", "3 -", "4 7:4"}));
  EXPECT_EQ(shard().last_id("news"), "4");
}

TEST_F(HubDeliver, AMessageWhosePredecessorNeverComesIsSentAfterTheWait) {
  make();
  auto a = listener("news");
  broker.say("news", text("1", "1"));
  broker.say("news", text("3", "3", "2"));
  settle();
  a->events.clear();
  advance(milliseconds(4999));
  EXPECT_TRUE(a->events.empty());
  advance(milliseconds(1));
  EXPECT_EQ(a->events, (Events{"3 7:2"}));
}

TEST_F(HubDeliver, WhoComesWhileMessagesWaitIsToldATopBeforeThem) {
  make();
  auto a = listener("news");
  broker.say("news", text("1", "1"));
  broker.say("news", text("3", "3", "2"));
  settle();
  Recorder late;
  shard().subscribe(late.subscription, {"news", {}});
  settle();
  EXPECT_EQ(late.take(), (Events{"subscribed 7:1"}));
  advance(seconds(5));
  EXPECT_EQ(late.take(), (Events{"3 7:2"}));
}

TEST_F(HubDeliver, AfterAllLeftTheNextMessageIsTakenWhateverItsPrevId) {
  make();
  auto a = listener("news");
  broker.say("news", text("1", "1"));
  settle();
  shard().unsubscribe(a->subscription, false);
  auto b = listener("news");
  broker.say("news", text("9", "9", "8"));
  settle();
  EXPECT_EQ(b->events, (Events{"9 7:2"}));
}

TEST_F(HubDeliver, ForgottenIdsNoLongerOrder) {
  make();
  auto a = listener("news");
  broker.say("news", text("1", "1"));
  settle();
  shard().forget_last_id("news");
  EXPECT_EQ(shard().last_id("news"), std::nullopt);
  broker.say("news", text("9", "9", "8"));
  settle();
  EXPECT_EQ(a->take(), (Events{"1 7:1", "9 7:2"}));
  shard().forget_all_ids();
  broker.say("news", text("20", "20", "19"));
  settle();
  EXPECT_EQ(a->take(), (Events{"20 7:3"}));
}

TEST_F(HubDeliver, GarbageIsAGap) {
  make();
  auto a = listener("news");
  broker.say_raw("news", Bytes::copy("\xff\xff\xff\xff garbage"));
  broker.say("news", text("two"));
  settle();
  EXPECT_EQ(a->events, (Events{"gap broker 7:1", "two 7:2"}));
  EXPECT_EQ(count("holdfast_publications_undecodable_total"), 1);
  EXPECT_EQ(count("holdfast_gaps_total", {{"reason", "broker"}}), 1);
}

TEST_F(HubDeliver, ListenersMayLeaveAndComeFromInsideAMessage) {
  make();
  std::vector<std::unique_ptr<Recorder>> all;
  for (int i = 0; i < 5; ++i) all.push_back(listener("news"));
  Recorder late;
  all[1]->then = [&] {
    if (all[1]->events.size() != 1) return;
    shard().unsubscribe(all[0]->subscription, false);  // was served
    shard().unsubscribe(all[1]->subscription, false);  // itself
    all[3].reset();                                    // to be served
    shard().subscribe(late.subscription, {"news", {}});
  };
  broker.say("news", text("one"));
  settle();
  EXPECT_EQ(all[0]->take(), (Events{"one 7:1"}));
  EXPECT_EQ(all[1]->take(), (Events{"one 7:1"}));
  EXPECT_EQ(all[2]->take(), (Events{"one 7:1"}));
  EXPECT_EQ(all[4]->take(), (Events{"one 7:1"}));
  EXPECT_EQ(late.take(), (Events{"subscribed 7:1"}));
  broker.say("news", text("two"));
  settle();
  EXPECT_TRUE(all[0]->events.empty());
  EXPECT_TRUE(all[1]->events.empty());
  EXPECT_EQ(all[2]->take(), (Events{"two 7:2"}));
  EXPECT_EQ(all[4]->take(), (Events{"two 7:2"}));
  EXPECT_EQ(late.take(), (Events{"two 7:2"}));
  EXPECT_EQ(shard().subscriptions(), 3u);
}

TEST_F(HubDeliver, TheLastListenerMayDestroyItselfInsideAnyCall) {
  make();
  for (const std::string when : {"subscribed", "message", "gap", "first"}) {
    auto doomed = std::make_unique<Recorder>();
    doomed->notes_first = true;
    doomed->then = [&, when] {
      if (doomed->events.back().rfind(when, 0) == 0 || (when == "message" && doomed->events.back().rfind("one", 0) == 0)) doomed.reset();
    };
    shard().subscribe(doomed->subscription, {when, {}});
    settle();
    if (doomed) broker.say(when, text("one"));
    settle();
    if (doomed) broker.say_raw(when, Bytes::copy("\xff\xff"));
    settle();
    if (when == "first") advance(seconds(2));
    EXPECT_EQ(doomed, nullptr) << when;
    EXPECT_EQ(shard().channels(), 0u) << when;
    EXPECT_EQ(shard().subscriptions(), 0u) << when;
  }
}

TEST_F(HubDeliver, ASubscriptionMayMoveWhileActive) {
  make();
  auto a = listener("news");
  auto b = listener("news");
  {
    Subscription moved(std::move(a->subscription));
    EXPECT_FALSE(a->subscription.active());
    EXPECT_EQ(moved.channel(), "news");
    broker.say("news", text("one"));
    settle();
    EXPECT_EQ(a->take(), (Events{"one 7:1"}));
  }
  broker.say("news", text("two"));
  settle();
  EXPECT_TRUE(a->events.empty());
  EXPECT_EQ(b->take(), (Events{"one 7:1", "two 7:2"}));
}

TEST_F(HubDeliver, AHugeChannelLetsItsLoopDoOtherThingsInBetween) {
  make();
  std::vector<std::unique_ptr<Recorder>> all;
  for (int i = 0; i < 10'000; ++i) {
    all.push_back(std::make_unique<Recorder>());
    shard().subscribe(all.back()->subscription, {"news", {}});
  }
  settle();
  for (auto& one : all) one->events.clear();
  broker.say("news", text("one"));
  broker.say("news", text("two"));
  size_t turns = 0;
  Recorder late;
  while (node->loops[0]->posts.run_one()) {
    ++turns;
    if (turns == 1) {
      const auto served = [](const std::unique_ptr<Recorder>& one) { return !one->events.empty(); };
      const auto first = std::find_if(all.begin(), all.end(), served);
      const auto last = std::find_if_not(all.begin(), all.end(), served);
      ASSERT_TRUE(first != all.end() && last != all.end());
      first->reset();
      last->reset();
      shard().subscribe(late.subscription, {"news", {}});
    }
  }
  EXPECT_GE(turns, 5u);
  for (auto& one : all) {
    if (!one) continue;
    ASSERT_EQ(one->events, (Events{"one 7:1", "two 7:2"}));
  }
  // It came when the first message was on its way to others: it is live from there or from a later one, without a hole.
  ASSERT_EQ(late.events.size(), 2u);
  EXPECT_EQ(late.events[0], "subscribed 7:1");
  EXPECT_EQ(late.events[1], "two 7:2");
}

TEST_F(HubDeliver, AllListenersMayLeaveInTheMiddleOfAHugeFanOut) {
  make();
  std::vector<std::unique_ptr<Recorder>> all;
  for (int i = 0; i < 10'000; ++i) {
    all.push_back(std::make_unique<Recorder>());
    shard().subscribe(all.back()->subscription, {"news", {}});
  }
  settle();
  broker.say("news", text("one"));
  ASSERT_TRUE(node->loops[0]->posts.run_one());
  all.clear();
  settle();
  EXPECT_EQ(shard().channels(), 0u);
}

// ---- gaps

TEST_F(HubDeliver, TheNodeHearsWhichChannelsListenersWereToldOfAGapAndHowMany) {
  make();
  std::vector<std::string> told;
  node->hub.on_gap_told([&](const std::string& channel, Gap gap, size_t listeners) {
    told.push_back(channel + " " + to_string(gap) + " " + std::to_string(listeners));
  });
  auto a = listener("news");
  auto b = listener("news");
  broker.say_raw("news", Bytes(std::string("\xff no item")));
  settle();
  EXPECT_EQ(told, (std::vector<std::string>{"news broker 2"}));
}

// ---- lag

TEST_F(HubDeliver, ALoopTellsWhenAMessageWasPublishedOnceItWentToAllListeners) {
  make();
  std::vector<std::unique_ptr<Recorder>> all;
  for (int i = 0; i < 3; ++i) all.push_back(listener("news"));
  size_t had = 0;
  WallTime published{};
  shard().on_delivered([&](const Delivery& delivery, size_t) {
    const WallTime time = delivery.published();
    published = time;
    for (const auto& each : all) had += each->events.size();
  });
  const auto said = broker.say("news", text("one"));
  broker.say("sport", text("nobody hears it"));
  settle();
  EXPECT_EQ(had, 3U);
  EXPECT_EQ(published, said->time);
  // A node that took it knows better than the broker.
  Item item = text("two");
  item.origin.at = 1'700'000'000'123'456;
  broker.say("news", item);
  settle();
  EXPECT_EQ(published, WallTime(std::chrono::microseconds(1'700'000'000'123'456)));
  for (const int64_t nonsense : {INT64_MAX, INT64_MIN}) {
    item.origin.at = nonsense;
    const auto third = broker.say("news", item);
    settle();
    EXPECT_EQ(published, third->time);
  }
}

// ---- rate

struct HubRate : HubTest {
  void limited(int64_t rate, int64_t mark) {
    HubOptions options;
    options.rate = rate;
    options.high_water_mark = mark;
    make(options);
  }
};

TEST_F(HubRate, WhatIsBeyondTheRateComesLaterAndInOrder) {
  limited(10, 100);
  auto a = listener("news");
  auto b = listener("news");
  for (const char* word : {"1", "2", "3"}) broker.say("news", text(word));
  settle();
  EXPECT_EQ(a->events.size() + b->events.size(), 1u);
  for (int i = 0; i < 12; ++i) advance(milliseconds(50));
  EXPECT_EQ(a->events, (Events{"1 7:1", "2 7:2", "3 7:3"}));
  EXPECT_EQ(b->events, a->events);
}

TEST_F(HubRate, WhatWaitedForTheRateIsToldWhenItGoes) {
  limited(10, 100);
  auto a = listener("news");
  std::vector<WallTime> told;
  shard().on_delivered([&](const Delivery& delivery, size_t) { told.push_back(delivery.published()); });
  const auto first = broker.say("news", text("1"));
  settle();
  advance(milliseconds(1));
  const auto second = broker.say("news", text("2"));
  settle();
  EXPECT_EQ(told, (std::vector<WallTime>{first->time}));
  for (int i = 0; i < 4; ++i) advance(milliseconds(50));
  EXPECT_EQ(told, (std::vector<WallTime>{first->time, second->time}));
}

TEST_F(HubRate, GroupsDoNotSlowEachOther) {
  limited(10, 100);
  auto a = std::make_unique<Recorder>();
  auto b = std::make_unique<Recorder>();
  a->group = "one";
  b->group = "two";
  for (auto* each : {a.get(), b.get()}) shard().subscribe(each->subscription, {"news", {}});
  settle();
  broker.say("news", text("1"));
  settle();
  EXPECT_EQ(a->events.back(), "1 7:1");
  EXPECT_EQ(b->events.back(), "1 7:1");
}

TEST_F(HubRate, BeyondTheMarkDeliveriesAreDroppedAndTheNextOneIsPrecededByAGap) {
  limited(10, 2);
  auto a = listener("news");
  for (const char* word : {"1", "2", "3", "4", "5"}) broker.say("news", text(word));
  settle();
  EXPECT_EQ(count("holdfast_deliveries_dropped_total", {{"reason", "rate"}}), 2);
  for (int i = 0; i < 10; ++i) advance(milliseconds(50));
  EXPECT_EQ(a->take(), (Events{"1 7:1", "2 7:2", "3 7:3"}));
  broker.say("news", text("6"));
  settle();
  for (int i = 0; i < 4; ++i) advance(milliseconds(50));
  EXPECT_EQ(a->take(), (Events{"gap overflow 7:5", "6 7:6"}));
  EXPECT_EQ(count("holdfast_gaps_total", {{"reason", "overflow"}}), 1);
}

TEST_F(HubRate, WhatWaitsForAListenerThatLeftIsNotSent) {
  limited(10, 100);
  auto a = listener("news");
  auto b = listener("news");
  for (const char* word : {"1", "2", "3"}) broker.say("news", text(word));
  settle();
  a.reset();
  for (int i = 0; i < 12; ++i) advance(milliseconds(50));
  EXPECT_EQ(b->events, (Events{"1 7:1", "2 7:2", "3 7:3"}));
}

TEST_F(HubRate, AGapIsToldBehindWhatWaits) {
  limited(10, 100);
  auto a = listener("news");
  broker.say("news", text("1"));
  broker.say("news", text("2"));
  broker.say_raw("news", Bytes::copy("\xff\xff"));
  settle();
  for (int i = 0; i < 6; ++i) advance(milliseconds(50));
  EXPECT_EQ(a->events, (Events{"1 7:1", "2 7:2", "gap broker 7:3"}));
}

}  // namespace
}  // namespace holdfast::hub_test
