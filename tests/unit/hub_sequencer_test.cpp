#include <gtest/gtest.h>

#include "gateway/hub/sequencer.h"

namespace holdfast {
namespace {

struct SequencerTest : testing::Test {
  // Adds and tells what was sent by it, as the ids in order ("." for a message without one).
  std::string add(std::optional<std::string> id, std::optional<std::string> prev_id = {}, bool no_seq = false, size_t most = 100) {
    auto item = std::make_shared<Item>();
    item->id = std::move(id);
    item->prev_id = std::move(prev_id);
    item->no_seq = no_seq;
    std::vector<Sequencer::Message> out;
    if (sequence.pass(*item)) return item->id.value_or(".");
    sequence.add({item, nullptr, {}, now + std::chrono::seconds(5)}, most, out);
    return text(out);
  }
  static std::string text(const std::vector<Sequencer::Message>& messages) {
    std::string out;
    for (const auto& message : messages) out += message.item->id.value_or(".");
    return out;
  }
  std::string expire(Duration after) {
    std::vector<Sequencer::Message> out;
    sequence.expire(now += after, out);
    return text(out);
  }
  Sequencer sequence;
  TimePoint now{};
};

TEST_F(SequencerTest, TheFirstMessageIsTakenWhateverItsPrevId) {
  EXPECT_EQ(add("9", "8"), "9");
  EXPECT_EQ(sequence.last_id(), "9");
}

TEST_F(SequencerTest, AMessageWaitsForTheOneItsPrevIdNamesAndChainsFollow) {
  EXPECT_EQ(add("1"), "1");
  EXPECT_EQ(add("3", "2"), "");
  EXPECT_EQ(add("5", "4"), "");
  EXPECT_EQ(add("4", "3"), "");
  EXPECT_TRUE(sequence.waits());
  EXPECT_EQ(add("2", "1"), "2345");
  EXPECT_FALSE(sequence.waits());
  EXPECT_EQ(sequence.last_id(), "5");
}

TEST_F(SequencerTest, AMessageWithoutPrevIdIsSentAtOnceAndWaitingOnesThatFollowItGo) {
  EXPECT_EQ(add("1"), "1");
  EXPECT_EQ(add("3", "2"), "");
  EXPECT_EQ(add("2"), "23");
}

TEST_F(SequencerTest, AMessageWithoutIdClearsTheMemory) {
  EXPECT_EQ(add("1"), "1");
  EXPECT_EQ(add({}), ".");
  EXPECT_FALSE(sequence.last_id());
  EXPECT_EQ(add("9", "8"), "9");
}

TEST_F(SequencerTest, NoSeqMessagesPassByAndAreNoPredecessors) {
  EXPECT_EQ(add("1"), "1");
  EXPECT_EQ(add("3", "2"), "");
  EXPECT_EQ(add("2", {}, true), "2");
  EXPECT_EQ(sequence.last_id(), "1");
  EXPECT_EQ(add("2", "1"), "23");
}

TEST_F(SequencerTest, AWaitingMessageIsSentAnywayAfterItsTimeAndItsChainFollows) {
  add("1");
  EXPECT_EQ(add("3", "2"), "");
  now += std::chrono::seconds(1);
  EXPECT_EQ(add("4", "3"), "");
  EXPECT_EQ(add("7", "6"), "");
  EXPECT_EQ(expire(std::chrono::milliseconds(3999)), "");
  EXPECT_EQ(expire(std::chrono::milliseconds(1)), "34");
  EXPECT_TRUE(sequence.waits());
  EXPECT_EQ(expire(std::chrono::seconds(1)), "7");
  EXPECT_FALSE(sequence.waits());
}

TEST_F(SequencerTest, TwoThatNameTheSamePredecessorAreBothSent) {
  add("1");
  EXPECT_EQ(add("3", "2"), "");
  EXPECT_EQ(add("x", "2"), "");
  EXPECT_EQ(add("2", "1"), "23");
  EXPECT_EQ(expire(std::chrono::seconds(5)), "x");
}

TEST_F(SequencerTest, WhenTooManyWaitAllAreSentInTheOrderTheyCame) {
  add("1");
  EXPECT_EQ(add("5", "4", false, 2), "");
  EXPECT_EQ(add("3", "2", false, 2), "");
  EXPECT_EQ(add("9", "8", false, 2), "539");
  EXPECT_FALSE(sequence.waits());
}

TEST_F(SequencerTest, ItKnowsWhetherTheNewestMessageCarriesTheLastId) {
  EXPECT_FALSE(sequence.newest_is_last());
  add("1");
  EXPECT_TRUE(sequence.newest_is_last());
  add("n", {}, true);
  EXPECT_FALSE(sequence.newest_is_last());
  add("2", "1");
  EXPECT_TRUE(sequence.newest_is_last());
  add("4", "3");
  EXPECT_FALSE(sequence.newest_is_last());
}

}  // namespace
}  // namespace holdfast
