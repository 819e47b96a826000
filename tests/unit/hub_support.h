#pragma once

#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/hub/hub.h"
#include "gateway/message/item_codec.h"

namespace holdfast::hub_test {

// What was posted to a loop, run when the test says so.
class Posts {
 public:
  std::function<void(std::function<void()>)> door() {
    return [this](std::function<void()> work) {
      std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
    };
  }
  bool run_one() {
    std::function<void()> next;
    {
      std::lock_guard lock(mutex_);
      if (work_.empty()) return false;
      next = std::move(work_.front());
      work_.pop_front();
    }
    next();
    return true;
  }
  bool run() {
    bool any = false;
    while (run_one()) any = true;
    return any;
  }

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> work_;
};

inline Item text(std::string content, std::optional<std::string> id = {}, std::optional<std::string> prev_id = {}) {
  Item item;
  item.id = std::move(id);
  item.prev_id = std::move(prev_id);
  item.http_stream.emplace();
  item.http_stream->content = Bytes(std::move(content));
  return item;
}

// A broker whose faults are scripted. Completions wait until the test lets them run; publications come at once.
class FakeBroker final : public Broker, public History {
 public:
  struct Log {
    uint64_t epoch = 7;
    uint64_t last = 0;
    std::vector<PublicationPtr> kept;
  };

  explicit FakeBroker(const ManualClock& clock) : clock_(clock) {}

  void start(BrokerSink& sink) override {
    sink_ = &sink;
    sink.on_health(true, "");
  }
  void stop() override {}
  void publish(std::vector<PublishRequest>, ReceiptsDone) override {}
  void subscribe(const std::vector<std::string>& channels, Done done) override {
    calls.push_back("subscribe " + join(channels));
    const bool refused = refuse;
    answers.push_back([this, channels, done = std::move(done), refused] {
      if (refused) return done(fail(ErrorKind::unavailable, "refused"));
      subscribed.insert(channels.begin(), channels.end());
      done({});
    });
  }
  void unsubscribe(const std::vector<std::string>& channels, Done done) override {
    calls.push_back("unsubscribe " + join(channels));
    for (const auto& channel : channels) subscribed.erase(channel);
    answers.push_back([done = std::move(done)] { done({}); });
  }
  History* history() override { return keeps ? this : nullptr; }
  void read(const std::string& channel, Position since, size_t limit, PageDone done) override {
    reads.push_back({channel, since, limit});
    if (read_at_answer) {
      answers.push_back([this, channel, since, limit, done = std::move(done)] { done(page(channel, since, limit)); });
    } else {
      answers.push_back([done = std::move(done), result = page(channel, since, limit)] { done(result); });
    }
  }

  // Faults: `lost` reaches history and no listener.
  PublicationPtr say(const std::string& channel, const Item& item, bool lost = false) { return say_raw(channel, encode(item), lost); }
  PublicationPtr say_raw(const std::string& channel, Bytes envelope, bool lost = false) {
    Log& log = logs[channel];
    auto made = std::make_shared<Publication>();
    made->channel = channel;
    made->envelope = std::move(envelope);
    made->time = clock_.wall();
    if (positions) {
      if (chained) made->previous = {log.epoch, log.last};
      made->position = {log.epoch, ++log.last};
    }
    log.kept.push_back(made);
    if (!lost) tell(made);
    return made;
  }
  void tell(const PublicationPtr& publication) {
    if (subscribed.count(publication->channel) != 0) sink_->on_publication(publication);
  }
  void forget(const std::string& channel, size_t oldest) {
    auto& kept = logs[channel].kept;
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(oldest));
  }
  void new_epoch(const std::string& channel) { logs[channel] = Log{logs[channel].epoch + 1, 0, {}}; }
  BrokerSink& sink() { return *sink_; }
  bool answer() {
    bool any = false;
    for (; !answers.empty(); any = true) {
      auto next = std::move(answers.front());
      answers.pop_front();
      next();
    }
    return any;
  }

  Result<HistoryPage> page(const std::string& channel, Position since, size_t limit) {
    if (failing_reads > 0) {
      --failing_reads;
      return fail(ErrorKind::unavailable, "no history now");
    }
    const Log& log = logs[channel];
    HistoryPage out;
    out.top = {log.epoch, stale_top ? *stale_top : log.last};
    const uint64_t oldest = log.last - log.kept.size() + 1;
    uint64_t from = oldest;
    if (!since.known()) {
      out.continuous = oldest == 1;
    } else if (since.epoch != log.epoch || since.offset > out.top.offset || since.offset + 1 < oldest) {
      out.continuous = false;
    } else {
      from = since.offset + 1;
    }
    for (uint64_t offset = from; offset <= out.top.offset && out.publications.size() < limit; ++offset) {
      out.publications.push_back(log.kept[offset - oldest]);
    }
    return out;
  }

  struct Read {
    std::string channel;
    Position since;
    size_t limit;
  };
  std::vector<std::string> calls;
  std::vector<Read> reads;
  std::map<std::string, Log> logs;
  std::set<std::string> subscribed;
  std::deque<std::function<void()>> answers;
  bool keeps = true;
  bool positions = true;
  bool chained = true;  // publications tell the one before them
  bool refuse = false;
  bool read_at_answer = false;  // the page is made when it is answered, not when it is asked for
  int failing_reads = 0;
  std::optional<uint64_t> stale_top;  // history lags behind

 private:
  static std::string join(const std::vector<std::string>& channels) {
    std::string out;
    for (const auto& channel : channels) out += (out.empty() ? "" : ",") + channel;
    return out;
  }
  const ManualClock& clock_;
  BrokerSink* sink_ = nullptr;
};

inline std::string show(Position position) {
  return position.known() ? std::to_string(position.epoch) + ":" + std::to_string(position.offset) : "-";
}

// Writes down what it is told. `then` is called after each event, for listeners that do something.
class Recorder : public Listener {
 public:
  Recorder() : subscription(*this) {}
  void on_subscribed(Subscription&, Position top) override { note("subscribed " + show(top)); }
  void on_message(Subscription&, const Delivery& delivery) override {
    const auto& stream = delivery.item().http_stream;
    note((stream ? stream->content.str() : "?") + " " + show(delivery.position()));
  }
  void on_gap(Subscription&, Gap gap, Position top) override { note(std::string("gap ") + to_string(gap) + " " + show(top)); }
  void on_first_subscription(Subscription&) override {
    if (notes_first) note("first");
  }
  std::string_view rate_group() const override { return group; }

  std::vector<std::string> take() { return std::exchange(events, {}); }
  void note(std::string event) {
    events.push_back(std::move(event));
    if (then) {
      auto call = then;
      call();
    }
  }

  std::vector<std::string> events;
  std::function<void()> then;
  std::string group;
  bool notes_first = false;
  Subscription subscription;
};

using Events = std::vector<std::string>;

// One node: a hub and its loops around a broker.
class NodeUnderTest {
 public:
  struct Loop {
    explicit Loop(const Clock& clock) : timers(clock) {}
    Timers timers;
    Posts posts;
    std::unique_ptr<HubShard> shard;
  };
  NodeUnderTest(Broker& to, ManualClock& time, HubOptions options = {}, size_t loop_count = 1) : clock(time), hub(to, options, metrics) {
    for (size_t i = 0; i < loop_count; ++i) {
      loops.push_back(std::make_unique<Loop>(clock));
      auto& loop = *loops.back();
      loop.shard = std::make_unique<HubShard>(hub, i, loop.timers, loop.posts.door(), options, metrics);
      hub.add(*loop.shard, i, loop.posts.door());
    }
    to.start(hub);
  }

  HubShard& shard(size_t index = 0) { return *loops[index]->shard; }
  bool run() {
    bool any = false;
    for (auto& loop : loops) any = loop->posts.run() || any;
    return any;
  }
  void advance(Duration by) {
    clock.advance(by);
    for (auto& loop : loops) loop->timers.run();
  }

  ManualClock& clock;
  Metrics metrics;
  Hub hub;
  std::vector<std::unique_ptr<Loop>> loops;
};

class HubTest : public testing::Test {
 protected:
  void make(HubOptions options = {}, size_t loops = 1) { node = std::make_unique<NodeUnderTest>(broker, clock, options, loops); }
  HubShard& shard(size_t index = 0) { return node->shard(index); }
  // Everything that can happen without time passing.
  void settle() {
    while (node->run() || broker.answer()) {
    }
  }
  void advance(Duration by) {
    node->advance(by);
    settle();
  }
  // A recorder that is live on the channel and has nothing noted.
  std::unique_ptr<Recorder> listener(const std::string& channel, size_t loop = 0) {
    auto made = std::make_unique<Recorder>();
    shard(loop).subscribe(made->subscription, {channel, {}});
    settle();
    made->events.clear();
    return made;
  }
  int64_t count(const std::string& name, Metrics::Labels labels = {}) { return node->metrics.counter(name, "", std::move(labels)).value(); }

  ManualClock clock;
  FakeBroker broker{clock};
  std::unique_ptr<NodeUnderTest> node;
};

}  // namespace holdfast::hub_test
