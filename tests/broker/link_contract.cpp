#include <algorithm>
#include <set>

#include "link_harness.h"

namespace holdfast::broker_test {

void LinkContract::SetUp() {
  harness = GetParam().make();
  heal();
  far.emplace(harness->connect_around());
  ASSERT_TRUE(far->sink.wait_healthy());
  each(&TcpGate::spare);
  near.emplace(harness->connect());
  ASSERT_TRUE(near->sink.wait_healthy());
  news = std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + "-" +
         std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  ASSERT_TRUE(far->subscribe({news}));
  ASSERT_TRUE(near->subscribe({news}));
}

void LinkContract::TearDown() {
  near.reset();
  far.reset();
  if (harness) heal();
}

void LinkContract::publish_surely(Connection& through, const std::string& word) {
  size_t tries = 0;
  std::string text, error;
  const bool taken = eventually([&] {
    text = word + (tries == 0 ? "" : " try " + std::to_string(tries));
    ++tries;
    const auto receipt = through.publish(news, text);
    if (!receipt) error = receipt.error().text;
    return receipt.has_value();
  });
  ASSERT_TRUE(taken) << error;
  accepted.push_back(text);
}

void LinkContract::expect_refusals() {
  // Of several servers each is missed in its own time.
  EXPECT_FALSE(near->publish(news, "unanswered"));
  const auto begun = std::chrono::steady_clock::now();
  const auto refused = near->publish(news, "refused", "key of the refused");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  const auto page = near->read(news, {});
  EXPECT_TRUE(page ? harness->stands_alone() : page.error().kind == ErrorKind::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, LinkedHarness::kTimeout) << refused.error().text;
}

void LinkContract::expect_nothing_lost_silently() {
  // A message that was published while a node subscribed again may be among those that it is told of. One soon comes to both.
  ASSERT_TRUE(eventually([&] {
    publish_surely(*far, "marker " + std::to_string(accepted.size()));
    const auto soon = std::chrono::milliseconds(500);
    return near->sink.wait_last(news, accepted.back(), soon) && far->sink.wait_last(news, accepted.back(), soon);
  }));
  for (auto* listener : {&*near, &*far}) {
    expect_honest(*listener);
    for (const auto& publication : listener->sink.all(news)) EXPECT_NE(publication->envelope.view(), "refused");
  }
}

void LinkContract::expect_honest(Connection& listener) {
  std::map<std::string, size_t> place;
  for (size_t i = 0; i < accepted.size(); ++i) place[accepted[i]] = i;
  std::string all = &listener == &*near ? "near:" : "far:";  // said if anything is wrong
  for (const auto& event : listener.sink.events(news)) {
    const auto* p = event.publication.get();
    all += p == nullptr
               ? "\n(gap)"
               : "\n" + p->envelope.str() + " " + std::to_string(p->position.epoch % 1000) + ":" + std::to_string(p->position.offset);
  }
  const testing::ScopedTrace trace(__FILE__, __LINE__, all.substr(0, 4000));
  const auto events = listener.sink.events(news);
  if (harness->stands_alone()) {
    EXPECT_TRUE(eventually([&] { return all_came_or_told(listener); }));
    return;
  }
  size_t next = 0;
  bool told = false;
  Position last, behind;  // the one that came, and the one of those that were accepted
  for (const auto& event : events) {
    // Who gets another one than the next sees it by the position that it follows.
    const auto* publication = event.publication.get();
    told = told || publication == nullptr || (publication->previous.known() && last.known() && publication->previous != last);
    if (publication != nullptr) last = publication->position;
    const auto found = publication != nullptr ? place.find(publication->envelope.str()) : place.end();
    if (found == place.end()) continue;  // was refused: it may have been published
    EXPECT_GE(found->second, next) << found->first << " came twice, or too late";
    if (found->second > next) {
      EXPECT_TRUE(told) << accepted[next] << " did not come, and nobody was told before " << found->first;
      const auto from = accepted.begin() + static_cast<std::ptrdiff_t>(next);
      if (behind.known()) expect_in_history(behind, {from, accepted.begin() + static_cast<std::ptrdiff_t>(found->second)});
    }
    next = found->second + 1;
    told = false;
    behind = publication->position;
  }
}

// Of what several ordered while they were apart the one has no place in the other's order, and is told of when they meet. Everybody listens
// since before the first message.
bool LinkContract::all_came_or_told(Connection& listener) const {
  std::set<std::string> came;
  Position last;
  for (const auto& event : listener.sink.events(news)) {
    const auto* publication = event.publication.get();
    if (publication == nullptr) return true;
    if (last.known() ? publication->previous != last : publication->previous.offset > 0) return true;
    last = publication->position;
    came.insert(publication->envelope.str());
  }
  return std::all_of(accepted.begin(), accepted.end(), [&](const std::string& text) { return came.contains(text); });
}

void LinkContract::expect_in_history(Position since, const std::vector<std::string>& missing) {
  Result<HistoryPage> page;
  ASSERT_TRUE(eventually([&] { return (page = near->read(news, since)).has_value(); }));
  if (page->top.epoch != since.epoch || page->publications.size() >= BrokerHarness::kHistory) return;
  EXPECT_TRUE(page->continuous);
  for (const auto& text : missing) {
    const auto is_it = [&](const PublicationPtr& publication) { return publication->envelope.view() == text; };
    EXPECT_TRUE(std::any_of(page->publications.begin(), page->publications.end(), is_it)) << text << " is not in history";
  }
}

}  // namespace holdfast::broker_test
