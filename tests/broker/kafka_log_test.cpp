#include <gtest/gtest.h>

#include "adapters/kafka/kafka_options.h"
#include "adapters/kafka/log_epoch.h"
#include "adapters/kafka/partition_log.h"
#include "adapters/kafka/record.h"

// The parts of the Kafka adapter that need no Kafka.

namespace holdfast {
namespace {

using Said = LogEpoch::Said;

LogMark founding(uint64_t epoch, int64_t scanned) { return {true, epoch, scanned, 4}; }
LogMark repeat(uint64_t epoch, int64_t founded) { return {false, epoch, founded, 4}; }

TEST(LogEpoch, TheFirstFoundingInLogOrderCounts) {
  LogEpoch log;
  log.begin(0);
  EXPECT_EQ(log.take(founding(7, 0), 0), Said::founded);
  EXPECT_EQ(log.take(founding(8, 0), 1), Said::nothing);
  EXPECT_EQ(log.take(repeat(7, 0), 2), Said::repeated);
  EXPECT_EQ(log.epoch(), 7u);
  EXPECT_EQ(log.founded(), 0);
  EXPECT_EQ(log.partitions(), 4);
}

TEST(LogEpoch, AFoundingThatWasNotReadUpToCannotBeDecidedUpon) {
  LogEpoch log;
  log.begin(1);
  EXPECT_EQ(log.take(founding(8, 0), 1), Said::nothing);  // another may stand at 0
  EXPECT_EQ(log.epoch(), 0u);
  EXPECT_EQ(log.undecided(), 0);
  EXPECT_EQ(log.take(repeat(7, 0), 2), Said::repeated);
  EXPECT_EQ(log.epoch(), 7u);
}

TEST(LogEpoch, ALaterFoundingBeginsAnotherEpochForAll) {
  LogEpoch there;  // was there from the beginning
  there.begin(0);
  there.take(founding(7, 0), 0);
  there.take(repeat(7, 0), 1);
  EXPECT_EQ(there.take(founding(9, 50), 50), Said::changed);
  EXPECT_EQ(there.take(founding(10, 50), 51), Said::nothing);
  EXPECT_EQ(there.epoch(), 9u);
  LogEpoch late;  // reads only the end
  late.begin(40);
  EXPECT_EQ(late.take(founding(9, 50), 50), Said::founded);
  EXPECT_EQ(late.take(founding(10, 50), 51), Said::nothing);
  LogEpoch later;
  later.begin(51);
  EXPECT_EQ(later.take(founding(10, 50), 51), Said::nothing);
  EXPECT_EQ(later.take(repeat(9, 50), 52), Said::repeated);
  EXPECT_EQ(later.epoch(), 9u);
}

TEST(LogEpoch, ARepeatThatWasOvertakenIsDoubted) {
  LogEpoch log;
  log.begin(0);
  log.take(founding(7, 0), 0);
  log.take(founding(9, 50), 50);
  EXPECT_EQ(log.take(repeat(7, 0), 51), Said::doubt);
  EXPECT_EQ(log.epoch(), 9u);
  // Who begins there is put right by the next.
  LogEpoch late;
  late.begin(51);
  late.take(repeat(7, 0), 51);
  EXPECT_EQ(late.take(repeat(9, 50), 52), Said::changed);
  EXPECT_EQ(late.epoch(), 9u);
}

TEST(LogMark, IsReadAsItIsWrittenAndGarbageIsNot) {
  const auto mark = parse_mark(format_mark({true, 0x0123456789abcdef, 42, 16}));
  ASSERT_TRUE(mark);
  EXPECT_TRUE(mark->founding);
  EXPECT_EQ(mark->epoch, 0x0123456789abcdefu);
  EXPECT_EQ(mark->offset, 42);
  EXPECT_EQ(mark->partitions, 16);
  for (const char* text : {"", "1", "1 founding 1 1", "1 founding 0 1 1", "1 founding x 1 1", "1 founding 1 -1 1", "1 founding 1 1 0",
                           "1 founding 1 1 99999999999", "2 founding 1 1 1", "1 other 1 1 1", "1 founding 1 1 1 1"}) {
    EXPECT_FALSE(parse_mark(text)) << text;
  }
}

// Values that Kafka's own tests have for murmur2.
TEST(Partitioner, IsKafkas) {
  const auto hash = [](std::string_view text) { return partition_of(text, INT32_MAX); };
  EXPECT_EQ(hash("21"), static_cast<int32_t>(static_cast<uint32_t>(-973932308) & 0x7fffffff) % INT32_MAX);
  EXPECT_EQ(hash("foobar"), static_cast<int32_t>(static_cast<uint32_t>(-790332482) & 0x7fffffff) % INT32_MAX);
  EXPECT_EQ(hash("a-little-bit-long-string"), static_cast<int32_t>(static_cast<uint32_t>(-985981536) & 0x7fffffff) % INT32_MAX);
  EXPECT_EQ(hash("a-little-bit-longer-string"), static_cast<int32_t>(static_cast<uint32_t>(-1486304829) & 0x7fffffff) % INT32_MAX);
  EXPECT_EQ(hash("abc"), 479470107 % INT32_MAX);
}

KafkaRecord record(int64_t offset, std::string channel, std::string key = {}, std::string text = "x") {
  KafkaRecord out;
  out.kind = KafkaRecord::Kind::publication;
  out.offset = offset;
  out.time = WallTime(std::chrono::seconds(1000 + offset));
  out.channel = std::move(channel);
  out.idempotency_key = std::move(key);
  out.envelope = Bytes(std::move(text));
  return out;
}

TEST(PartitionLog, TellsWhatFollowsAndWhatIsMissing) {
  PartitionLog log(3, 1 << 20);
  log.reset(10);
  log.set_epoch(5);
  for (int64_t i = 10; i < 20; ++i) log.append(record(i, i % 2 == 0 ? "a" : "b"));
  const auto page = log.read("a", 15, 100);
  ASSERT_EQ(page.publications.size(), 2u);
  EXPECT_EQ(page.publications[0]->position, (Position{5, 17}));
  EXPECT_EQ(page.publications[1]->previous, (Position{5, 17}));
  EXPECT_EQ(page.top, (Position{5, 19}));
  EXPECT_EQ(page.complete_from, 13);  // a's at 10 and 12 went: three are kept
  EXPECT_TRUE(page.trimmed);
  EXPECT_EQ(log.read("a", 0, 1).publications.at(0)->position, (Position{5, 15}));
  const auto none = log.read("c", 0, 100);
  EXPECT_FALSE(none.top.known());
  EXPECT_EQ(none.complete_from, 10);
}

TEST(PartitionLog, ForgetsTheOldestBeyondItsBytes) {
  PartitionLog log(100, 10'000);
  log.reset(0);
  log.append(record(0, "quiet"));
  for (int64_t i = 1; i < 100; ++i) log.append(record(i, "loud", {}, std::string(1'000, 'x')));
  EXPECT_FALSE(log.read("quiet", 0, 100).top.known());
  const auto page = log.read("loud", 0, 100);
  EXPECT_LT(page.publications.size(), 10u);
  EXPECT_EQ(page.complete_from, static_cast<int64_t>(page.publications.front()->position.offset) - 1);
  EXPECT_FALSE(page.trimmed);
  EXPECT_EQ(page.top.offset, 100u);
}

TEST(PartitionLog, AKeyCountsForTwoMinutesOfRecordTime) {
  PartitionLog log(100, 1 << 20);
  log.reset(0);
  EXPECT_TRUE(log.append(record(0, "a", "key")));
  EXPECT_FALSE(log.append(record(1, "a", "key")));
  EXPECT_TRUE(log.append(record(2, "b", "key")));
  EXPECT_FALSE(log.append(record(119, "a", "key")));
  EXPECT_TRUE(log.append(record(120, "a", "key")));
  log.set_epoch(3);
  EXPECT_EQ(log.find_key("a", "key", WallTime(std::chrono::seconds(1130))), (Position{3, 121}));
  EXPECT_EQ(log.find_key("b", "key", WallTime(std::chrono::seconds(1130))), std::nullopt);
}

TEST(PartitionLog, WhatCameBeforeTheEpochWasKnownGetsIt) {
  PartitionLog log(100, 1 << 20);
  log.reset(0);
  log.append(record(0, "a"));
  log.append(record(1, "a"));
  log.drop_before(1);
  log.set_epoch(9);
  const auto page = log.read("a", 0, 100);
  ASSERT_EQ(page.publications.size(), 1u);
  EXPECT_EQ(page.publications[0]->position, (Position{9, 2}));
  EXPECT_EQ(page.complete_from, 1);
}

TEST(KafkaOptions, MappingsAndPropertiesAreCutWhereTheyShould) {
  const auto mapping = parse_topic_mapping("a=b/=topic");
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->name, "a=b/");
  EXPECT_EQ(mapping->value, "topic");
  const auto property = parse_kafka_property("debug=a=b");
  ASSERT_TRUE(property);
  EXPECT_EQ(property->name, "debug");
  EXPECT_EQ(property->value, "a=b");
  for (const char* text : {"", "=topic", "prefix", "prefix=", "prefix=a topic", "prefix=.."})
    EXPECT_FALSE(parse_topic_mapping(text)) << text;
  for (const char* text : {"", "=x", "x"}) EXPECT_FALSE(parse_kafka_property(text)) << text;
}

}  // namespace
}  // namespace holdfast
