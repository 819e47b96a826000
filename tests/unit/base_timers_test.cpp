#include <map>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "gateway/base/timers.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class TimersTest : public testing::Test {
 protected:
  void pass(Duration time) {
    clock_.advance(time);
    timers_.run();
  }
  std::unique_ptr<CallbackTimer> noting(char name) {
    return std::make_unique<CallbackTimer>([this, name] { fired_.push_back(name); });
  }

  ManualClock clock_;
  Timers timers_{clock_};
  std::string fired_;
};

TEST_F(TimersTest, FiresInOrderOfDeadlineAndOnce) {
  const auto a = noting('a'), b = noting('b'), c = noting('c');
  timers_.set_in(*c, 30ms);
  timers_.set_in(*a, 10ms);
  timers_.set_in(*b, 20ms);
  pass(9ms);
  EXPECT_EQ(fired_, "");
  pass(11ms);
  EXPECT_EQ(fired_, "ab");
  EXPECT_FALSE(a->armed());
  EXPECT_TRUE(c->armed());
  pass(1h);
  EXPECT_EQ(fired_, "abc");
  pass(1h);
  EXPECT_EQ(fired_, "abc");
}

TEST_F(TimersTest, NextIsTheEarliestDeadline) {
  const auto a = noting('a'), b = noting('b');
  EXPECT_EQ(timers_.next(), TimePoint::max());
  timers_.set_in(*a, 20ms);
  timers_.set_in(*b, 10ms);
  EXPECT_EQ(timers_.next(), clock_.now() + 10ms);
  b->cancel();
  EXPECT_EQ(timers_.next(), clock_.now() + 20ms);
}

TEST_F(TimersTest, SettingAgainMovesTheDeadline) {
  const auto a = noting('a');
  timers_.set_in(*a, 10ms);
  timers_.set_in(*a, 30ms);
  EXPECT_EQ(timers_.size(), 1u);
  pass(20ms);
  EXPECT_EQ(fired_, "");
  pass(10ms);
  EXPECT_EQ(fired_, "a");
}

TEST_F(TimersTest, NothingFiresAfterCancelOrDestruction) {
  auto a = noting('a'), b = noting('b');
  timers_.set_in(*a, 1ms);
  timers_.set_in(*b, 1ms);
  a->cancel();
  a->cancel();
  b.reset();
  EXPECT_EQ(timers_.size(), 0u);
  pass(1s);
  EXPECT_EQ(fired_, "");
}

TEST_F(TimersTest, TimerMaySetItselfAgainAndFiresInALaterRun) {
  CallbackTimer a;
  a.set_callback([&] {
    fired_.push_back('a');
    timers_.set_in(a, 0ms);
  });
  timers_.set_in(a, 0ms);
  timers_.run();
  EXPECT_EQ(fired_, "a");
  timers_.run();
  EXPECT_EQ(fired_, "aa");
}

TEST_F(TimersTest, TimerMayDestroyItselfAndCancelAnother) {
  auto other = noting('o');
  auto self = std::make_unique<CallbackTimer>();
  self->set_callback([&] {
    fired_.push_back('s');
    self.reset();
    other->cancel();
  });
  timers_.set_in(*self, 1ms);
  timers_.set_in(*other, 2ms);
  pass(5ms);
  EXPECT_EQ(fired_, "s");
}

TEST_F(TimersTest, TellsWhenTheNextDeadlineBecomesEarlier) {
  int calls = 0;
  timers_.on_earlier([&] { ++calls; });
  const auto a = noting('a'), b = noting('b');
  timers_.set_in(*a, 20ms);
  EXPECT_EQ(calls, 1);
  timers_.set_in(*b, 30ms);
  EXPECT_EQ(calls, 1);
  timers_.set_in(*b, 10ms);
  EXPECT_EQ(calls, 2);
}

TEST_F(TimersTest, TimerMayOutliveItsQueue) {
  CallbackTimer a([] {});
  {
    Timers shorter(clock_);
    shorter.set_in(a, 1ms);
  }
  EXPECT_FALSE(a.armed());
  a.cancel();
}

TEST_F(TimersTest, TimerMayMoveToAnotherQueue) {
  Timers other(clock_);
  const auto a = noting('a');
  timers_.set_in(*a, 1ms);
  other.set_in(*a, 1ms);
  EXPECT_EQ(timers_.size(), 0u);
  EXPECT_EQ(other.size(), 1u);
}

// Against a sorted map as the model.
TEST_F(TimersTest, AgreesWithASortedMapThroughRandomOperations) {
  constexpr int kSeed = 20261125;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  std::vector<size_t> fired;
  std::vector<std::unique_ptr<CallbackTimer>> all;
  for (size_t i = 0; i < 50; ++i) all.push_back(std::make_unique<CallbackTimer>([&fired, i] { fired.push_back(i); }));
  std::map<size_t, TimePoint> model;
  for (int step = 0; step < 5000; ++step) {
    const size_t which = random() % all.size();
    if (random() % 3 == 0) {
      all[which]->cancel();
      model.erase(which);
    } else {
      const TimePoint deadline = clock_.now() + std::chrono::milliseconds(1 + random() % 100);
      timers_.set_at(*all[which], deadline);
      model[which] = deadline;
    }
    if (random() % 4 != 0) continue;
    clock_.advance(std::chrono::milliseconds(random() % 10));
    fired.clear();
    timers_.run();
    TimePoint before = TimePoint::min();
    for (const size_t i : fired) {
      ASSERT_TRUE(model.contains(i));
      ASSERT_GE(model[i], before);
      before = model[i];
      ASSERT_LE(before, clock_.now());
      model.erase(i);
    }
    for (const auto& [i, deadline] : model) ASSERT_GT(deadline, clock_.now());
    ASSERT_EQ(timers_.size(), model.size());
  }
}

}  // namespace
}  // namespace holdfast
