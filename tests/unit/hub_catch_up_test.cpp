#include "hub_support.h"

namespace holdfast::hub_test {
namespace {

using std::chrono::seconds;

struct HubCatchUp : HubTest {
  void say(int from, int to) {
    for (int n = from; n <= to; ++n) broker.say("news", text(std::to_string(n)));
  }
  void come_back(Recorder& recorder, Position since, size_t loop = 0) { shard(loop).subscribe(recorder.subscription, {"news", since}); }
};

TEST_F(HubCatchUp, ANewcomerIsToldWhereTheChannelStands) {
  make();
  say(1, 3);
  Recorder a;
  shard().subscribe(a.subscription, {"news", {}});
  settle();
  EXPECT_EQ(a.take(), (Events{"subscribed 7:3"}));
  say(4, 4);
  settle();
  EXPECT_EQ(a.take(), (Events{"4 7:4"}));
}

TEST_F(HubCatchUp, NoHoleLiesBetweenTheToldTopAndTheFirstMessage) {
  make();
  say(1, 3);
  Recorder a;
  shard().subscribe(a.subscription, {"news", {}});
  node->run();
  broker.answers.front()();  // subscribed
  broker.answers.pop_front();
  say(4, 4);    // comes by itself, before the top is read
  node->run();  // confirmed: the top is asked for
  say(5, 5);
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:3", "4 7:4", "5 7:5"}));
}

TEST_F(HubCatchUp, WithoutHistoryTheTopIsUnknownAndAPositionIsAGap) {
  broker.keeps = false;
  make();
  say(1, 3);
  Recorder a;
  Recorder b;
  shard().subscribe(a.subscription, {"news", {}});
  come_back(b, {7, 2});
  settle();
  say(4, 4);
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed -", "4 7:4"}));
  EXPECT_EQ(b.events, (Events{"subscribed -", "gap history_lost -", "4 7:4"}));
}

TEST_F(HubCatchUp, WhatWasMissedComesFirstThenWhatIsLive) {
  make();
  say(1, 4);
  Recorder a;
  come_back(a, {7, 2});
  settle();
  say(5, 5);
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:4", "3 7:3", "4 7:4", "5 7:5"}));
}

TEST_F(HubCatchUp, WhatComesWhileHistoryIsReadIsMergedOnce) {
  make();
  auto other = listener("news");
  say(1, 4);
  settle();
  for (const bool late_page : {false, true}) {
    broker.read_at_answer = late_page;
    const int base = static_cast<int>(broker.logs["news"].last);
    Recorder a;
    come_back(a, {7, static_cast<uint64_t>(base - 2)});
    node->run();  // history is asked
    say(base + 1, base + 2);
    node->run();  // live for others
    EXPECT_TRUE(a.events.empty());
    say(base + 3, base + 3);  // in the mailbox when the page comes
    settle();
    Events want{"subscribed 7:" + std::to_string(base + 2)};
    if (late_page) want[0] = "subscribed 7:" + std::to_string(base + 2);
    for (int n = base - 1; n <= base + 3; ++n) want.push_back(std::to_string(n) + " 7:" + std::to_string(n));
    if (a.events[0] != want[0]) want[0] = "subscribed 7:" + std::to_string(base + 3);
    EXPECT_EQ(a.events, want) << late_page;
  }
}

TEST_F(HubCatchUp, ManyThatComeBackToTheSamePositionShareOneReading) {
  make();
  auto other = listener("news");
  say(1, 5);
  settle();
  broker.reads.clear();
  std::vector<std::unique_ptr<Recorder>> all;
  for (int i = 0; i < 50; ++i) {
    all.push_back(std::make_unique<Recorder>());
    come_back(*all.back(), {7, 3});
  }
  settle();
  EXPECT_EQ(broker.reads.size(), 1u);
  for (auto& one : all) EXPECT_EQ(one->events, (Events{"subscribed 7:5", "4 7:4", "5 7:5"}));
}

TEST_F(HubCatchUp, WhoMissedNothingCostsNoReading) {
  make();
  auto other = listener("news");
  say(1, 5);
  settle();
  broker.reads.clear();
  Recorder a;
  come_back(a, {7, 5});
  settle();
  EXPECT_TRUE(broker.reads.empty());
  EXPECT_EQ(a.events, (Events{"subscribed 7:5"}));
}

TEST_F(HubCatchUp, LostHistoryIsToldBeforeWhatIsLeftOfIt) {
  make();
  say(1, 6);
  broker.forget("news", 4);
  Recorder a;
  come_back(a, {7, 2});
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:6", "gap history_lost 7:4", "5 7:5", "6 7:6"}));
}

TEST_F(HubCatchUp, AnotherEpochIsToldBeforeItsMessages) {
  make();
  say(1, 6);
  broker.new_epoch("news");
  say(1, 2);
  Recorder a;
  come_back(a, {7, 2});
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 8:2", "gap other_epoch 8:0", "1 8:1", "2 8:2"}));
}

TEST_F(HubCatchUp, APositionAheadOfTheChannelIsToldAndNothingIsReplayed) {
  make();
  say(1, 3);
  Recorder a;
  come_back(a, {7, 9});
  settle();
  say(4, 4);
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:3", "gap ahead 7:3", "4 7:4"}));
}

TEST_F(HubCatchUp, MoreThanTheLimitIsAGap) {
  HubOptions options;
  options.catch_up_limit = 3;
  make(options);
  say(1, 5);
  Recorder exactly;
  Recorder over;
  come_back(exactly, {7, 2});
  come_back(over, {7, 1});
  settle();
  say(6, 6);
  settle();
  EXPECT_EQ(exactly.events, (Events{"subscribed 7:5", "3 7:3", "4 7:4", "5 7:5", "6 7:6"}));
  EXPECT_EQ(over.events, (Events{"subscribed 7:5", "gap history_lost 7:5", "6 7:6"}));
}

TEST_F(HubCatchUp, HistoryThatCannotBeReadTwiceIsAGap) {
  make();
  auto other = listener("news");
  say(1, 3);
  settle();
  broker.failing_reads = 1;
  Recorder lucky;
  come_back(lucky, {7, 1});
  settle();
  EXPECT_EQ(lucky.events, (Events{"subscribed 7:3", "2 7:2", "3 7:3"}));
  broker.failing_reads = 2;
  Recorder a;
  come_back(a, {7, 1});
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:3", "gap broker 7:3"}));
}

TEST_F(HubCatchUp, APageThatEndsBeforeWhatWasSeenIsNotBelieved) {
  make();
  auto other = listener("news");
  say(1, 5);
  settle();
  broker.stale_top = 4;
  Recorder a;
  come_back(a, {7, 2});
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:5", "gap broker 7:5"}));
}

TEST_F(HubCatchUp, APageOlderThanTheTopAJoiningChannelBeganWithIsReadAgain) {
  make();
  say(1, 3);
  broker.read_at_answer = true;
  Recorder a;
  Recorder b;
  come_back(a, {7, 1});
  come_back(b, {7, 2});
  node->run();
  broker.answers.front()();  // subscribed
  broker.answers.pop_front();
  node->run();  // history is asked for both
  ASSERT_EQ(broker.answers.size(), 2u);
  broker.say("news", text("4"), true);
  broker.answers[1]();  // the page of one has the fourth message
  broker.stale_top = 3;
  broker.answers[0]();  // that of the other has not
  broker.stale_top.reset();
  broker.answers.clear();
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:4", "2 7:2", "3 7:3", "4 7:4"}));
  EXPECT_EQ(b.events, (Events{"subscribed 7:4", "3 7:3", "4 7:4"}));
}

TEST_F(HubCatchUp, APositionThatOnlyAnotherNodeHasSeenIsNotSentAgain) {
  make();
  auto other = listener("news");
  say(1, 3);
  settle();
  const auto fourth = broker.say("news", text("4"), true);  // on its way here
  Recorder a;
  come_back(a, {7, 4});
  settle();
  broker.tell(fourth);
  say(5, 5);
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:4", "5 7:5"}));
  EXPECT_EQ(other->events, (Events{"1 7:1", "2 7:2", "3 7:3", "4 7:4", "5 7:5"}));
}

TEST_F(HubCatchUp, ReplayDropsDuplicatesAndFollowsPrevIds) {
  make();
  broker.say("news", text("1", "1"));
  broker.say("news", text("3", "3", "2"));
  broker.say("news", text("dup", "1"));
  broker.say("news", text("2", "2", "1"));
  Recorder a;
  come_back(a, {7, 0});
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:4", "1 7:1", "2 -", "3 7:4"}));
}

TEST_F(HubCatchUp, WhoComesBackWhileMessagesWaitGetsThemOnce) {
  make();
  auto other = listener("news");
  broker.say("news", text("1", "1"));
  broker.say("news", text("3", "3", "2"));
  settle();
  Recorder a;
  come_back(a, {7, 0});
  settle();
  EXPECT_TRUE(a.events.empty());
  broker.say("news", text("2", "2", "1"));
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:3", "1 7:1", "2 -", "3 7:3"}));
  EXPECT_EQ(other->events, (Events{"1 7:1", "2 -", "3 7:3"}));
}

TEST_F(HubCatchUp, GarbageInHistoryIsAGapInItsPlace) {
  make();
  say(1, 1);
  broker.say_raw("news", Bytes::copy("\xff\xff"));
  say(3, 3);
  Recorder a;
  come_back(a, {7, 0});
  settle();
  EXPECT_EQ(a.events, (Events{"subscribed 7:3", "1 7:1", "gap broker 7:2", "3 7:3"}));
}

TEST_F(HubCatchUp, LeavingBeforeThePageComesIsHarmless) {
  make();
  auto other = listener("news");
  say(1, 3);
  settle();
  auto a = std::make_unique<Recorder>();
  come_back(*a, {7, 1});
  node->run();
  a.reset();
  settle();
  auto b = std::make_unique<Recorder>();
  come_back(*b, {7, 1});
  node->run();
  b.reset();
  other.reset();
  broker.answer();
  node.reset();  // the shard is gone when the page comes
}

TEST_F(HubCatchUp, AListenerMayLeaveInTheMiddleOfItsReplay) {
  make();
  say(1, 5);
  auto a = std::make_unique<Recorder>();
  Events seen;
  a->then = [&] {
    seen = a->events;
    if (seen.size() == 3) a.reset();
  };
  come_back(*a, {7, 0});
  settle();
  EXPECT_EQ(seen, (Events{"subscribed 7:5", "1 7:1", "2 7:2"}));
  EXPECT_EQ(shard().subscriptions(), 0u);
}

// ---- broken chains

using HubRepair = HubCatchUp;

TEST_F(HubRepair, AMessageThatTheBrokerLostOnTheWayComesFromHistory) {
  make();
  auto a = listener("news");
  say(1, 1);
  broker.say("news", text("2"), true);
  broker.say("news", text("3"), true);
  say(4, 5);
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "2 7:2", "3 7:3", "4 7:4", "5 7:5"}));
}

TEST_F(HubRepair, WhatHistoryLostIsToldBeforeTheNextMessage) {
  make();
  auto a = listener("news");
  say(1, 1);
  settle();
  broker.say("news", text("2"), true);
  broker.say("news", text("3"), true);
  broker.forget("news", 2);
  say(4, 4);
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "gap history_lost 7:2", "3 7:3", "4 7:4"}));
}

TEST_F(HubRepair, WithoutHistoryABrokenChainIsToldAtOnce) {
  broker.keeps = false;
  make();
  auto a = listener("news");
  say(1, 1);
  broker.say("news", text("2"), true);
  say(3, 4);
  broker.new_epoch("news");
  say(1, 1);
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "gap broker 7:2", "3 7:3", "4 7:4", "gap other_epoch 8:0", "1 8:1"}));
}

TEST_F(HubRepair, ANewEpochIsToldAndItsMessagesCome) {
  make();
  auto a = listener("news");
  say(1, 2);
  broker.new_epoch("news");
  broker.say("news", text("x"), true);
  broker.say("news", text("y"));
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "2 7:2", "gap other_epoch 8:0", "x 8:1", "y 8:2"}));
}

TEST_F(HubRepair, AGapIsFollowedByAPositionThoughTheBrokerDoesNotTellTheMessageBefore) {
  broker.chained = false;
  make();
  auto a = listener("news");
  say(1, 1);
  settle();
  broker.new_epoch("news");
  say(1, 2);
  settle();
  EXPECT_EQ(a->take(), (Events{"1 7:1", "gap other_epoch 8:0", "1 8:1", "2 8:2"}));
  Recorder back;
  come_back(back, {7, 1});
  settle();
  EXPECT_EQ(back.events, (Events{"subscribed 8:2", "gap other_epoch 8:0", "1 8:1", "2 8:2"}));
}

TEST_F(HubRepair, TheBrokersWordOfAGapIsHealedFromHistoryOrTold) {
  make();
  auto a = listener("news");
  say(1, 1);
  settle();
  broker.say("news", text("2"), true);
  broker.sink().on_gap("news");
  settle();
  EXPECT_EQ(a->take(), (Events{"1 7:1", "2 7:2"}));
  broker.keeps = false;
  broker.sink().on_gap("news");
  settle();
  EXPECT_EQ(a->take(), (Events{"gap broker 7:2"}));
}

TEST_F(HubRepair, AGapWithoutPositionsIsTold) {
  broker.keeps = false;
  broker.positions = false;
  make();
  auto a = listener("news");
  say(1, 1);
  broker.sink().on_gap("news");
  say(2, 2);
  settle();
  EXPECT_EQ(a->events, (Events{"1 -", "gap broker -", "2 -"}));
}

TEST_F(HubRepair, HistoryThatDoesNotFillTheHoleIsReadOnceMoreThenItIsTold) {
  make();
  auto a = listener("news");
  say(1, 1);
  settle();
  broker.say("news", text("2"), true);
  broker.stale_top = 1;
  broker.reads.clear();
  say(3, 3);
  settle();
  EXPECT_EQ(broker.reads.size(), 2u);
  EXPECT_EQ(a->take(), (Events{"1 7:1", "gap broker 7:2", "3 7:3"}));
  broker.stale_top.reset();
  broker.say("news", text("4"), true);
  say(5, 5);
  settle();
  EXPECT_EQ(a->take(), (Events{"4 7:4", "5 7:5"}));
}

TEST_F(HubRepair, AFailingHistoryIsReadOnceMoreThenItIsTold) {
  make();
  auto a = listener("news");
  say(1, 1);
  settle();
  broker.failing_reads = 1;
  broker.say("news", text("2"), true);
  say(3, 3);
  settle();
  EXPECT_EQ(a->take(), (Events{"1 7:1", "2 7:2", "3 7:3"}));
  broker.failing_reads = 2;
  broker.say("news", text("4"), true);
  say(5, 5);
  settle();
  EXPECT_EQ(a->take(), (Events{"gap broker 7:4", "5 7:5"}));
}

TEST_F(HubRepair, WhatCannotBeReadWhileTheBrokerIsAwayIsReadWhenItIsBack) {
  make();
  auto a = listener("news");
  say(1, 1);
  settle();
  broker.failing_reads = 1000;
  broker.sink().on_health(false, "cut");
  broker.say("news", text("2"), true);
  broker.sink().on_gap("news");
  settle();
  Recorder back;
  come_back(back, {7, 0});
  settle();
  EXPECT_EQ(a->take(), (Events{"1 7:1"}));
  EXPECT_EQ(back.take(), Events{});
  broker.failing_reads = 0;
  broker.sink().on_health(true, "");
  settle();
  EXPECT_EQ(a->take(), (Events{"2 7:2"}));
  EXPECT_EQ(back.take(), (Events{"subscribed 7:2", "1 7:1", "2 7:2"}));
}

TEST_F(HubRepair, NewcomersDuringARepairStartBehindIt) {
  make();
  auto a = listener("news");
  say(1, 1);
  broker.say("news", text("2"), true);
  say(3, 3);
  node->run();  // suspect
  Recorder fresh;
  Recorder back;
  shard().subscribe(fresh.subscription, {"news", {}});
  come_back(back, {7, 0});
  say(4, 4);
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "2 7:2", "3 7:3", "4 7:4"}));
  ASSERT_FALSE(fresh.events.empty());
  EXPECT_EQ(back.events.back(), "4 7:4");
  Events want{back.events.front()};
  for (const char* each : {"1 7:1", "2 7:2", "3 7:3", "4 7:4"}) want.push_back(each);
  EXPECT_EQ(back.events, want);
}

TEST_F(HubRepair, AGapWhileOneCatchesUpIsNotHiddenFromIt) {
  make();
  auto a = listener("news");
  say(1, 3);
  settle();
  Recorder back;
  come_back(back, {7, 1});
  node->run();  // its page holds 2 and 3
  broker.say("news", text("4"), true);
  broker.forget("news", 4);
  say(5, 5);
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "2 7:2", "3 7:3", "gap history_lost 7:4", "5 7:5"}));
  ASSERT_GE(back.events.size(), 2u);
  EXPECT_EQ(back.events[1], "gap history_lost 7:4");
  EXPECT_EQ(back.events.back(), "5 7:5");
}

TEST_F(HubRepair, WaitingMessagesAreSentBeforeAGap) {
  make();
  auto a = listener("news");
  broker.keeps = false;
  broker.say("news", text("1", "1"));
  broker.say("news", text("3", "3", "2"));
  broker.sink().on_gap("news");
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "3 -", "gap broker 7:2"}));
}

TEST_F(HubRepair, BrokersThatCannotTellThePreviousPositionAreBelieved) {
  broker.chained = false;
  make();
  auto a = listener("news");
  say(1, 1);
  broker.say("news", text("elsewhere"), true);  // an offset of another channel
  say(3, 3);
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "3 7:3"}));
}

TEST_F(HubRepair, AGapForgetsTheNewestIdSoTheNextMessageIsTaken) {
  broker.keeps = false;
  make();
  auto a = listener("news");
  broker.say("news", text("1", "1"));
  broker.say("news", text("2", "2", "1"), true);
  broker.say("news", text("3", "3", "2"));
  settle();
  EXPECT_EQ(a->events, (Events{"1 7:1", "gap broker 7:2", "3 7:3"}));
}

TEST_F(HubRepair, MessagesOfAnOldEpochAreNotReplayedBehindTheNewOne) {
  make();
  auto a = listener("news");
  say(1, 3);
  settle();
  Recorder back;
  come_back(back, {7, 1});
  node->run();  // history is asked
  say(4, 4);
  node->run();
  broker.new_epoch("news");
  say(1, 1);
  settle();
  EXPECT_EQ(a->events.back(), "1 8:1");
  EXPECT_EQ(back.events, (Events{"subscribed 8:1", "gap other_epoch 8:0", "1 8:1"}));
}

TEST_F(HubRepair, WhatDoesNotFitDuringARepairIsNotLostInSilence) {
  broker.chained = false;  // the chain cannot tell
  make();
  auto a = listener("news");
  say(1, 1);
  settle();
  a->events.clear();
  broker.sink().on_gap("news");
  node->run();  // history is asked
  constexpr int kMany = 10'010;
  say(2, kMany);
  settle();
  ASSERT_FALSE(a->events.empty());
  EXPECT_EQ(a->events.front().rfind("gap ", 0), 0u) << a->events.front();
  EXPECT_EQ(a->events.back(), std::to_string(kMany) + " 7:" + std::to_string(kMany));
}

}  // namespace
}  // namespace holdfast::hub_test
