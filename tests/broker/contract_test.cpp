#include <algorithm>
#include <atomic>

#include "harness.h"

namespace holdfast::broker_test {
namespace {

using Texts = std::vector<std::string>;

TEST_P(BrokerContract, PublicationsReachASubscriberUnchangedAndInOrder) {
  const auto news = channel();
  ASSERT_TRUE(subscribe({news}));
  const std::string binary("\0\xff\r\n\x01", 5);
  const auto receipts = publish({{news, Bytes::copy("one"), {}}, {news, Bytes::copy(binary), {}}, {news, Bytes(), {}}});
  ASSERT_EQ(receipts.size(), 3u);
  for (const auto& receipt : receipts) ASSERT_TRUE(receipt) << receipt.error().text;
  const auto got = sink.wait(news, 3);
  EXPECT_EQ(texts(got), (Texts{"one", binary, ""}));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i]->position, receipts[i]->position);
  EXPECT_TRUE(sink.gaps().empty());
}

TEST_P(BrokerContract, PositionsRiseWithinOneEpochAndTellThePreviousOne) {
  const auto news = channel();
  ASSERT_TRUE(subscribe({news}));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(publish(news, "x"));
  const auto got = sink.wait(news, 5);
  ASSERT_EQ(got.size(), 5u);
  for (size_t i = 1; i < got.size(); ++i) {
    EXPECT_TRUE(got[i]->position.known());
    EXPECT_EQ(got[i]->position.epoch, got[0]->position.epoch);
    EXPECT_GT(got[i]->position.offset, got[i - 1]->position.offset);
    if (got[i]->previous.known()) {
      EXPECT_EQ(got[i]->previous, got[i - 1]->position);
    }
  }
}

TEST_P(BrokerContract, ChannelsDoNotMix) {
  const auto a = channel("a");
  const auto b = channel("b");
  const auto longer = a + "x";  // a prefix is not a match
  ASSERT_TRUE(subscribe({a, b}));
  ASSERT_TRUE(publish(longer, "no"));
  ASSERT_TRUE(publish(a, "to a"));
  ASSERT_TRUE(publish(b, "to b"));
  EXPECT_EQ(texts(sink.wait(a, 1)), (Texts{"to a"}));
  EXPECT_EQ(texts(sink.wait(b, 1)), (Texts{"to b"}));
  EXPECT_TRUE(sink.all(longer).empty());
}

TEST_P(BrokerContract, ChannelNamesMayHoldAnyBytes) {
  const auto odd = channel(std::string("a b\t{x}*?[\xc3\xa9]:\"'\\\0z", 20));
  ASSERT_TRUE(subscribe({odd}));
  ASSERT_TRUE(publish(odd, "x"));
  EXPECT_EQ(texts(sink.wait(odd, 1)), (Texts{"x"}));
}

TEST_P(BrokerContract, SubscribingTwiceIsHarmless) {
  const auto news = channel();
  ASSERT_TRUE(subscribe({news}));
  ASSERT_TRUE(subscribe({news, news}));
  ASSERT_TRUE(publish(news, "one"));
  ASSERT_TRUE(publish(news, "two"));
  EXPECT_EQ(texts(sink.wait(news, 2)), (Texts{"one", "two"}));
}

TEST_P(BrokerContract, NothingArrivesAfterUnsubscribeCompletes) {
  const auto news = channel();
  const auto marker = channel("marker");
  ASSERT_TRUE(subscribe({news, marker}));
  ASSERT_TRUE(publish(news, "one"));
  ASSERT_EQ(sink.wait(news, 1).size(), 1u);
  ASSERT_TRUE(unsubscribe({news}));
  ASSERT_TRUE(unsubscribe({news}));
  ASSERT_TRUE(publish(news, "two"));
  ASSERT_TRUE(publish(marker, "passed"));
  ASSERT_EQ(sink.wait(marker, 1).size(), 1u);
  EXPECT_EQ(texts(sink.all(news)), (Texts{"one"}));
  ASSERT_TRUE(subscribe({news}));
  ASSERT_TRUE(publish(news, "three"));
  EXPECT_EQ(texts(sink.wait(news, 2)), (Texts{"one", "three"}));
}

TEST_P(BrokerContract, ManyPublishersMakeOneOrderPerChannel) {
  const auto news = channel();
  ASSERT_TRUE(subscribe({news}));
  constexpr int kThreads = 4;
  constexpr int kEach = 100;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) EXPECT_TRUE(publish(news, std::to_string(t) + ":" + std::to_string(i)));
    });
  }
  for (auto& thread : threads) thread.join();
  const auto got = sink.wait(news, kThreads * kEach);
  ASSERT_EQ(got.size(), static_cast<size_t>(kThreads * kEach));
  int next[kThreads] = {};
  for (size_t i = 0; i < got.size(); ++i) {
    if (i > 0) {
      EXPECT_GT(got[i]->position.offset, got[i - 1]->position.offset);
    }
    const auto text = got[i]->envelope.str();
    const int thread = text[0] - '0';
    EXPECT_EQ(text, std::to_string(thread) + ":" + std::to_string(next[thread]++));
  }
}

TEST_P(BrokerContract, EachCompletionRunsOnceOnAThreadOfTheAdapter) {
  const auto news = channel();
  const auto here = std::this_thread::get_id();
  std::atomic<int> inside{0};
  std::atomic<int> ran{0};
  const auto note = [&] {
    ++ran;
    if (std::this_thread::get_id() == here) ++inside;
  };
  broker->subscribe({news}, [&](const Result<void>&) { note(); });
  broker->publish({{news, Bytes::copy("x"), {}}}, [&](const std::vector<Result<PublishReceipt>>&) { note(); });
  broker->publish({}, [&](const std::vector<Result<PublishReceipt>>& receipts) {
    EXPECT_TRUE(receipts.empty());
    note();
  });
  if (auto* history = broker->history()) {
    history->read(news, {}, 1, [&](const Result<HistoryPage>&) { note(); });
  } else {
    ++ran;
  }
  broker->unsubscribe({news}, [&](const Result<void>&) { note(); });
  broker->stop();
  EXPECT_EQ(ran, 5);
  EXPECT_EQ(inside, 0);
}

TEST_P(BrokerContract, AnIdempotencyKeyPublishesOnce) {
  const auto news = channel();
  const auto other = channel("other");
  ASSERT_TRUE(subscribe({news, other}));
  const auto first = publish(news, "one", "key");
  const auto again = publish(news, "one", "key");
  ASSERT_TRUE(first && again);
  EXPECT_FALSE(first->duplicate);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(first->position, again->position);
  const auto elsewhere = publish(other, "one", "key");
  ASSERT_TRUE(elsewhere);
  EXPECT_FALSE(elsewhere->duplicate);
  ASSERT_TRUE(publish(news, "two", "key 2"));
  EXPECT_EQ(texts(sink.wait(news, 2)), (Texts{"one", "two"}));
}

TEST_P(BrokerContract, AnOversizeMessageIsRefusedAndTheOthersGo) {
  const auto news = channel();
  ASSERT_TRUE(subscribe({news}));
  const auto receipts =
      publish({{news, Bytes::copy("one"), {}}, {news, Bytes(std::string(harness->oversize(), 'x')), {}}, {news, Bytes::copy("two"), {}}});
  ASSERT_EQ(receipts.size(), 3u);
  EXPECT_TRUE(receipts[0]);
  ASSERT_FALSE(receipts[1]);
  EXPECT_EQ(receipts[1].error().kind, ErrorKind::too_large);
  EXPECT_TRUE(receipts[2]);
  EXPECT_EQ(texts(sink.wait(news, 2)), (Texts{"one", "two"}));
}

TEST_P(BrokerContract, AnEmptyChannelIsRefused) {
  const auto receipt = publish("", "x");
  ASSERT_FALSE(receipt);
  EXPECT_EQ(receipt.error().kind, ErrorKind::invalid);
}

TEST_P(BrokerContract, AfterStopNothingIsDeliveredAndCallsAreUnavailable) {
  const auto news = channel();
  ASSERT_TRUE(subscribe({news}));
  broker->stop();
  const auto receipt = publish(news, "x");
  ASSERT_FALSE(receipt);
  EXPECT_EQ(receipt.error().kind, ErrorKind::unavailable);
  const auto subscribed = subscribe({news});
  ASSERT_FALSE(subscribed);
  EXPECT_EQ(subscribed.error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(sink.all(news).empty());
}

TEST_P(BrokerContract, StopMayComeWhilePublishersWork) {
  const auto news = channel();
  ASSERT_TRUE(subscribe({news}));
  std::atomic<bool> go{true};
  std::atomic<size_t> accepted{0};
  std::thread publisher([&] {
    while (go) {
      if (publish(news, "x")) ++accepted;
    }
  });
  ASSERT_FALSE(sink.wait(news, 10).empty());
  broker->stop();
  const size_t delivered = sink.all(news).size();
  go = false;
  publisher.join();
  EXPECT_EQ(sink.all(news).size(), delivered);
  // One may be under way: its message and its answer can travel apart.
  EXPECT_LE(delivered, accepted + 1);
  EXPECT_LE(accepted, delivered + 1);
}

// ---- history

TEST_P(HistoryContract, ReadsWhatFollowsAPosition) {
  const auto news = channel();
  std::vector<Position> positions;
  for (const char* text : {"1", "2", "3", "4"}) positions.push_back(publish(news, text)->position);
  const auto page = read(news, positions[1]);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->continuous);
  EXPECT_EQ(texts(page->publications), (Texts{"3", "4"}));
  EXPECT_EQ(page->top, positions[3]);
  EXPECT_EQ(page->publications[0]->position, positions[2]);
  EXPECT_EQ(page->publications[0]->channel, news);
}

TEST_P(HistoryContract, AtTheTopThereIsNothingAndThatIsComplete) {
  const auto news = channel();
  const auto top = publish(news, "1")->position;
  const auto page = read(news, top);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->continuous);
  EXPECT_TRUE(page->publications.empty());
  EXPECT_EQ(page->top, top);
}

TEST_P(HistoryContract, TheLimitTakesTheOldestAndZeroOnlyTheTop) {
  const auto news = channel();
  std::vector<Position> positions;
  for (const char* text : {"1", "2", "3", "4"}) positions.push_back(publish(news, text)->position);
  const auto two = read(news, positions[0], 2);
  ASSERT_TRUE(two);
  EXPECT_EQ(texts(two->publications), (Texts{"2", "3"}));
  EXPECT_TRUE(two->continuous);
  EXPECT_EQ(two->top, positions[3]);
  const auto none = read(news, {}, 0);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->publications.empty());
  EXPECT_EQ(none->top, positions[3]);
}

TEST_P(HistoryContract, AnUnknownPositionReadsFromTheOldest) {
  const auto news = channel();
  for (const char* text : {"1", "2"}) ASSERT_TRUE(publish(news, text));
  const auto page = read(news, {});
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->continuous);
  EXPECT_EQ(texts(page->publications), (Texts{"1", "2"}));
}

TEST_P(HistoryContract, TheTopOfASubscribedChannelWithoutMessagesIsBeforeItsFirst) {
  const auto news = channel();
  ASSERT_TRUE(subscribe({news}));
  const auto before = read(news, {}, 0);
  ASSERT_TRUE(before);
  ASSERT_TRUE(before->top.known());
  const auto first = publish(news, "1");
  const auto page = read(news, before->top);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->continuous);
  EXPECT_EQ(texts(page->publications), (Texts{"1"}));
  EXPECT_EQ(page->publications[0]->position, first->position);
}

TEST_P(HistoryContract, AnotherEpochIsNeverContinuous) {
  const auto news = channel();
  auto position = publish(news, "1")->position;
  ASSERT_TRUE(publish(news, "2"));
  for (const uint64_t epoch : {position.epoch + 1, position.epoch - 1, uint64_t{1}}) {
    const auto page = read(news, {epoch, position.offset});
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->continuous);
    EXPECT_EQ(texts(page->publications), (Texts{"1", "2"}));
    EXPECT_EQ(page->top.epoch, position.epoch);
  }
}

TEST_P(HistoryContract, APositionAheadIsNotContinuous) {
  const auto news = channel();
  const auto position = publish(news, "1")->position;
  for (const uint64_t ahead : {position.offset + 1, position.offset + 1000, UINT64_MAX}) {
    const auto page = read(news, {position.epoch, ahead});
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->continuous);
    EXPECT_EQ(page->top, position);
  }
}

TEST_P(HistoryContract, WhatIsNoLongerKeptIsNotContinuous) {
  const auto news = channel();
  std::vector<Position> positions;
  for (size_t i = 0; i < 3 * BrokerHarness::kHistory; ++i) positions.push_back(publish(news, std::to_string(i))->position);
  const auto lost = read(news, positions[0]);
  ASSERT_TRUE(lost);
  EXPECT_FALSE(lost->continuous);
  ASSERT_FALSE(lost->publications.empty());
  EXPECT_EQ(lost->publications.back()->position, positions.back());
  // What is given is without a hole.
  for (size_t i = 1; i < lost->publications.size(); ++i) {
    const auto& now = *lost->publications[i];
    if (now.previous.known()) {
      EXPECT_EQ(now.previous, lost->publications[i - 1]->position);
    }
  }
  EXPECT_FALSE(read(news, {})->continuous);
  const auto kept = read(news, positions[positions.size() - 5]);
  EXPECT_TRUE(kept->continuous);
  EXPECT_EQ(kept->publications.size(), 4u);
}

TEST_P(HistoryContract, SubscribeThenReadLeavesNoHole) {
  const auto news = channel();
  std::atomic<bool> go{true};
  std::thread publisher([&] {
    for (int i = 0; go && i < 5000; ++i) EXPECT_TRUE(publish(news, std::to_string(i)));
  });
  while (read(news, {}, 0)->top.offset < 5) {
  }
  ASSERT_TRUE(subscribe({news}));
  const auto page = read(news, {}, 0);
  ASSERT_TRUE(page);
  sink.wait(news, 50);
  go = false;
  publisher.join();
  const auto last = read(news, {}, 0)->top;
  ASSERT_TRUE(eventually([&] { return sink.all(news).back()->position == last; }));
  const auto got = sink.all(news);
  // Everything after the top that was read came by itself.
  Position expected = page->top;
  for (const auto& publication : got) {
    if (publication->position.offset <= page->top.offset) continue;
    if (publication->previous.known()) {
      EXPECT_EQ(publication->previous, expected);
    }
    expected = publication->position;
  }
  EXPECT_EQ(expected, last);
}

TEST_P(HistoryContract, ADuplicateIsNotInHistoryTwice) {
  const auto news = channel();
  ASSERT_TRUE(publish(news, "1", "key"));
  ASSERT_TRUE(publish(news, "1", "key"));
  EXPECT_EQ(texts(read(news, {})->publications), (Texts{"1"}));
}

TEST_P(HistoryContract, AfterStopReadingIsUnavailable) {
  broker->stop();
  const auto page = read("news", {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace holdfast::broker_test
