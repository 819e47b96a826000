#include "hub_support.h"

namespace holdfast::hub_test {
namespace {

using std::chrono::seconds;

struct HubProve : HubTest {
  // "proven" or "no", and what was missed.
  std::string prove(const std::string& prev_id, WallTime since) {
    std::string out = "nothing";
    shard().prove("news", prev_id, since, [&](HubShard::Continuity continuity) {
      EXPECT_EQ(out, "nothing") << "answered twice";
      out = continuity.proven ? "proven" : "no";
      for (const auto& publication : continuity.missed) out += " " + HubShard::decode_item(*publication)->http_stream->content.str();
    });
    EXPECT_EQ(out, "nothing") << "answered inside the call";
    settle();
    return out;
  }
  WallTime now() { return clock.wall(); }
};

TEST_F(HubProve, AnIdThatHistoryHasTellsWhatFollowedIt) {
  make();
  for (const char* id : {"1", "2", "3"}) broker.say("news", text(id, id));
  EXPECT_EQ(prove("3", now()), "proven");
  EXPECT_EQ(prove("1", now()), "proven 2 3");
}

TEST_F(HubProve, AnIdThatHistoryDoesNotHaveIsNoProof) {
  make();
  broker.say("news", text("2", "2"));
  clock.advance(seconds(1));
  EXPECT_EQ(prove("1", now()), "no");
}

TEST_F(HubProve, AChannelWithoutAnyMessageIsProven) {
  make();
  EXPECT_EQ(prove("1", now()), "proven");
  EXPECT_EQ(prove("", now()), "proven");
}

TEST_F(HubProve, AHistoryThatWasThrownAwayProvesNothing) {
  make();
  broker.say("news", text("2", "2"));
  broker.forget("news", 1);
  EXPECT_EQ(prove("1", now()), "no");
  EXPECT_EQ(prove("", now()), "no");
}

TEST_F(HubProve, OldMessagesWithoutIdsDoNotContradictNewOnesDo) {
  make();
  broker.say("news", text("a"));
  clock.advance(seconds(1));
  const auto asked = now();
  EXPECT_EQ(prove("1", asked), "proven");
  EXPECT_EQ(prove("", asked), "proven");
  broker.say("news", text("b"));
  EXPECT_EQ(prove("1", asked), "no");
  EXPECT_EQ(prove("", asked), "no");
}

TEST_F(HubProve, WithoutIdAMessageBeforeTheRequestIsNoDoubt) {
  make();
  broker.say("news", text("1", "1"));
  clock.advance(seconds(1));
  EXPECT_EQ(prove("", now()), "proven");
  broker.say("news", text("2", "2"));
  EXPECT_EQ(prove("", now()), "no");
}

TEST_F(HubProve, TheNewestIdOfALiveChannelNeedsNoHistory) {
  make();
  auto a = listener("news");
  broker.say("news", text("1", "1"));
  settle();
  broker.reads.clear();
  EXPECT_EQ(prove("1", now()), "proven");
  EXPECT_TRUE(broker.reads.empty());
  Item unordered = text("aside");
  unordered.no_seq = true;
  broker.say("news", unordered);
  settle();
  EXPECT_EQ(prove("1", now()), "proven aside");
  EXPECT_FALSE(broker.reads.empty());
}

TEST_F(HubProve, SilenceSinceBeforeTheRequestNeedsNoHistory) {
  make();
  broker.say("news", text("1", "1"));
  broker.forget("news", 1);
  auto a = listener("news");
  clock.advance(seconds(1));
  const auto asked = now();
  EXPECT_EQ(prove("", asked), "proven");
  EXPECT_EQ(prove("1", asked), "proven");
  EXPECT_EQ(prove("", asked - seconds(5)), "no");  // it did not listen then
  broker.sink().on_health(false, "cut");
  EXPECT_EQ(prove("", asked), "no");  // silence may be the broker's
  broker.sink().on_health(true, "");
  clock.advance(seconds(1));
  broker.say("news", text("2", "2"));
  broker.forget("news", 1);
  settle();
  EXPECT_EQ(prove("", asked), "no");
}

// A backend is asked again, and has not heard yet of what came here before: what it says is not all there is.
TEST_F(HubProve, AForgottenIdIsLookedUpInHistory) {
  make();
  auto a = listener("news");
  for (const char* id : {"1", "2"}) broker.say("news", text(id, id));
  settle();
  shard().forget_last_id("news");
  clock.advance(seconds(1));
  EXPECT_EQ(prove("1", now()), "proven 2");
  EXPECT_EQ(prove("2", now()), "proven");
  EXPECT_EQ(prove("0", now()), "no");
  broker.forget("news", 2);  // by now the backend has heard
  EXPECT_EQ(prove("1", now()), "proven");
}

TEST_F(HubProve, GarbageFailuresAndNoHistoryProveNothing) {
  make();
  broker.say("news", text("1", "1"));
  broker.say_raw("news", Bytes::copy("\xff\xff"));
  EXPECT_EQ(prove("1", now()), "no");
  broker.failing_reads = 1;
  EXPECT_EQ(prove("1", now()), "no");
  broker.keeps = false;
  EXPECT_EQ(prove("1", now()), "no");
}

TEST_F(HubProve, LongHistoriesAreReadPageByPage) {
  make();
  for (int n = 1; n <= 2500; ++n) broker.say("news", text(std::to_string(n), std::to_string(n)));
  EXPECT_EQ(prove("2499", now()), "proven 2500");
  EXPECT_EQ(broker.reads.size(), 3u);
}

TEST_F(HubProve, NoAnswerComesAfterTheShardIsGone) {
  make();
  bool answered = false;
  shard().prove("news", "1", now(), [&](const HubShard::Continuity&) { answered = true; });
  node->loops[0]->shard.reset();
  settle();
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace holdfast::hub_test
