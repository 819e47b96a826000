#include "adapters/redis/redis_broker.h"

#include <algorithm>
#include <cstdio>
#include <future>

#include <poll.h>

#include "adapters/redis/replies.h"

namespace holdfast {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr Duration kStateAge{24 * 3'600'000};  // of a channel's epoch and offset, after it was last used
constexpr Duration kKeyWindow{120'000};

}  // namespace

RedisBroker::RedisBroker(const RedisOptions& options, const Clock& clock, Metrics& metrics)
    : options_(options),
      clock_(clock),
      connects_(metrics.counter("holdfast_redis_connects_total", "Times that the connections to a Redis were made.")),
      garbage_(metrics.counter("holdfast_redis_garbage_total", "Live messages from Redis that were not of this cluster's form.")),
      waiting_gauge_(metrics.gauge("holdfast_redis_waiting_bytes", "Bytes of publications that wait for the answer of Redis.")),
      missed_(metrics.counter("holdfast_redis_missed_total", "Channels found to have missed live messages by comparing their tops.")),
      kept_(std::to_string(options.history_messages)),
      age_(std::to_string(options.history_age.count())),
      state_age_(std::to_string(std::max(kStateAge, options.history_age * 2).count())),
      key_window_(std::to_string(kKeyWindow.count())) {
  if (clustered()) {
    for (const auto& tag : partition_tags(static_cast<size_t>(options_.partitions))) {
      partitions_.emplace_back();
      partitions_.back().before = "{" + tag + "}:";
      partitions_.back().slot = slot_of(tag);
    }
  } else {
    partitions_.emplace_back();
  }
  look_ups_ = std::make_unique<Worker>();
  thread_ = std::thread([this] { run(); });
}

RedisBroker::~RedisBroker() {
  stop();
  ending_look_ups_ = true;
  look_ups_.reset();  // what it still posts finds the broker stopped
  inbox_.end();
  thread_.join();
}

// ---- from any thread

void RedisBroker::start(BrokerSink& sink) {
  inbox_.post([this, &sink] {
    sink_ = &sink;
    topology_at_ = compare_at_ = sentinels_at_ = clock_.now();
    if (!clustered()) give(partitions_.front(), &shard_at({}));
  });
}

void RedisBroker::stop() {
  std::promise<void> stopped;
  inbox_.post([&] {
    shut();
    stopped.set_value();
  });
  stopped.get_future().wait();
}

// The bound is kept here, since the thread may be busy finding a primary while publishers go on.
void RedisBroker::publish(std::vector<PublishRequest> messages, ReceiptsDone done) {
  size_t size = 0;
  for (const auto& message : messages) size += message.envelope.size();
  if (waiting_bytes_.fetch_add(size) + size > options_.max_waiting && !messages.empty()) {
    waiting_bytes_ -= size;
    return inbox_.post(
        [count = messages.size(), done = std::move(done)] { done({count, unavailable("too many publications are under way")}); });
  }
  waiting_gauge_.add(static_cast<int64_t>(size));
  inbox_.post([this, messages = std::move(messages), done = std::move(done)]() mutable { do_publish(std::move(messages), done); });
}

void RedisBroker::read(const std::string& channel, Position since, size_t limit, PageDone done) {
  auto reading = std::make_shared<Reading>();
  reading->channel = channel;
  reading->since = since;
  reading->limit = limit;
  reading->done = std::move(done);
  reading->deadline = clock_.now() + options_.timeout;
  inbox_.post([this, reading] { do_read(reading); });
}

void RedisBroker::subscribe(const std::vector<std::string>& channels, Done done) {
  inbox_.post([this, channels, done = std::move(done)]() mutable { do_subscribe(channels, std::move(done)); });
}

void RedisBroker::unsubscribe(const std::vector<std::string>& channels, Done done) {
  inbox_.post([this, channels, done = std::move(done)] { do_unsubscribe(channels, done); });
}

// ---- the thread

void RedisBroker::run() {
  std::vector<pollfd> waits;
  std::vector<RedisShard*> polled;  // some may be retired by what others say
  for (;;) {
    waits.assign({{inbox_.fd(), POLLIN, 0}});
    polled.clear();
    for (const auto& shard : shards_) {
      shard->add_waits(waits);
      polled.push_back(shard.get());
    }
    ::poll(waits.data(), waits.size(), static_cast<int>(until_next().count()));
    for (size_t i = 0; i < polled.size(); ++i) polled[i]->serve(&waits[1 + 2 * i]);
    inbox_.run_posted();
    keep_time();
    end_turn();
    if (inbox_.over()) return;
  }
}

Duration RedisBroker::until_next() const {
  if (sink_ == nullptr) return Duration(-1);
  TimePoint next = compare_at_;
  if (clustered() && !topology_under_way_) next = std::min(next, topology_at_);
  if (!options_.sentinels.empty() && !asking_sentinels_) next = std::min(next, sentinels_at_);
  if (!timers_.empty()) next = std::min(next, timers_.begin()->first);
  for (const auto& shard : shards_) next = std::min(next, shard->next_time());
  return std::max(Duration(0), duration_cast<Duration>(next - clock_.now()) + Duration(1));
}

void RedisBroker::keep_time() {
  if (sink_ == nullptr) return;
  const auto now = clock_.now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto call = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    call();
  }
  for (size_t i = 0; i < shards_.size(); ++i) shards_[i]->keep_time();
  if (clustered() && now >= topology_at_) refresh_topology();
  if (!options_.sentinels.empty() && now >= sentinels_at_) ask_sentinels();
  // One partition after the other, so that servers are not asked for all at once.
  while (now >= compare_at_) {
    const auto step = std::chrono::nanoseconds(options_.compare_tops) / static_cast<int64_t>(partitions_.size());
    compare_at_ = std::max(compare_at_ + step, now - options_.compare_tops);
    compare_all(partitions_[next_compared_++ % partitions_.size()]);
  }
}

void RedisBroker::after(Duration delay, std::function<void()> call) { timers_.emplace(clock_.now() + delay, std::move(call)); }

void RedisBroker::end_turn() {
  for (auto& partition : partitions_) {
    if (partition.fresh.empty()) continue;
    compare(partition, std::make_shared<const std::vector<std::string>>(std::exchange(partition.fresh, {})), 0);
  }
  if (options_.ack == "replicated") {
    for (const auto& shard : shards_) shard->ask_for_replicas();
  }
  retired_.clear();
}

void RedisBroker::shut() {
  sink_ = nullptr;
  for (const auto& shard : shards_) shard->close("stopped");
  for (auto& partition : partitions_) {
    partition.owner = nullptr;
    refuse_waiting(partition, "the broker is not running");
    for (auto& [name, channel] : partition.channels) {
      for (auto& change : channel.subscribes) {
        if (change->left > 0) change->left = 0, change->done(unavailable("the broker is not running"));
      }
    }
    partition.channels.clear();
    partition.fresh.clear();
  }
  // They find that there is no server.
  for (auto& [time, call] : std::exchange(timers_, {})) call();
  shards_.clear();
  unconfirmed_ = newest_topology_ = 0;
  healthy_ = told_ill_ = topology_under_way_ = false;
}

// ---- names

RedisBroker::Partition& RedisBroker::partition_of(std::string_view channel) {
  return partitions_[clustered() ? holdfast::partition_of(channel, partitions_.size()) : 0];
}

std::string RedisBroker::key(const Partition& partition, char kind, std::string_view channel) const {
  return std::string(partition.before).append(options_.prefix).append(":").append(1, kind).append(":").append(channel);
}

// Whose live messages bear this name.
std::optional<RedisBroker::Found> RedisBroker::find_channel(std::string_view name) {
  if (clustered()) name.remove_prefix(std::min(name.size(), name.find("}:") + 2));
  const std::string before = options_.prefix + ":c:";
  if (!name.starts_with(before)) return std::nullopt;
  name.remove_prefix(before.size());
  return Found{&partition_of(name), std::string(name)};
}

std::string RedisBroker::fresh_epoch() {
  const auto ms = static_cast<uint64_t>(duration_cast<milliseconds>(clock_.wall().time_since_epoch()).count());
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(ms << 16 | (random_() & 0xffff)));
  return text;
}

}  // namespace holdfast
