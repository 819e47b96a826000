#include "adapters/memory/memory_broker.h"

#include <functional>
#include <limits>
#include <random>
#include <utility>

namespace holdfast {

namespace {

// What a process calls its histories. Random, so that two starts are never taken for one.
uint64_t random_epoch() {
  std::random_device device;
  uint64_t epoch = 0;
  while (epoch == 0) epoch = (static_cast<uint64_t>(device()) << 32) | device();
  return epoch;
}

tl::unexpected<Error> not_running() { return fail(ErrorKind::unavailable, "the broker is not running"); }

}  // namespace

void declare(OptionSet& set, MemoryOptions& options) {
  set.integer("history_messages", options.history_messages, "Messages kept per channel for clients that come back.").range(0, 1'000'000);
  set.duration("history_age", options.history_age, "Messages older than this are not replayed.").range(0, 7 * 24 * 3'600'000LL);
  set.size("history_bytes", options.history_bytes, "Memory for kept messages of all channels; the oldest go first.")
      .range(0, int64_t{1} << 40);
  set.integer("max_channels", options.max_channels, "Channels without listeners whose history is remembered.").range(1, 100'000'000);
  set.size("max_message", options.max_message, "Largest message that is accepted.").range(1024, 1 << 30);
}

MemoryBroker::MemoryBroker(const MemoryOptions& options, const Clock& clock, Metrics& metrics)
    : options_(options), clock_(clock), totals_(random_epoch()) {
  MemoryLimits limits;
  limits.messages = static_cast<size_t>(options.history_messages);
  limits.age = options.history_age;
  limits.channels = static_cast<size_t>(options.max_channels) / kStores + 1;
  for (auto& store : stores_) store = std::make_unique<MemoryStore>(limits, totals_);
  totals_.kept_bytes = &metrics.gauge("holdfast_memory_history_bytes", "Bytes of messages that the memory broker keeps.");
}

MemoryBroker::~MemoryBroker() { stop(); }

void MemoryBroker::start(BrokerSink& sink) {
  sink_.store(&sink, std::memory_order_release);
  completions_.add([&sink] { sink.on_health(true, "in memory"); });
}

void MemoryBroker::stop() {
  sink_.store(nullptr, std::memory_order_release);
  // Whoever saw the sink saw it under a store's lock: after each lock was free once, nobody is inside it.
  for (auto& store : stores_) std::lock_guard lock(store->mutex);
  completions_.drain();
}

MemoryStore& MemoryBroker::store_of(std::string_view channel) {
  // High bits: the low ones choose the bucket inside the store.
  return *stores_[(std::hash<std::string_view>()(channel) >> 40) % kStores];
}

Result<PublishReceipt> MemoryBroker::publish_one(PublishRequest& message) {
  if (message.channel.empty()) return invalid("the channel is empty");
  if (message.envelope.size() > options_.max_message) return fail(ErrorKind::too_large, "the message is larger than the broker accepts");
  const TimePoint now = clock_.now();
  MemoryStore& store = store_of(message.channel);
  std::lock_guard lock(store.mutex);
  BrokerSink* sink = sink_.load(std::memory_order_acquire);
  if (sink == nullptr) return not_running();

  std::string key;
  if (!message.idempotency_key.empty()) {
    key = RecentKeys::key(message.channel, message.idempotency_key);
    if (const auto first = store.keys.find(key, now)) return PublishReceipt{*first, true};
  }
  const auto [publication, subscribed] = store.append(std::move(message.channel), std::move(message.envelope), now, clock_.wall());
  if (!key.empty()) store.keys.put(std::move(key), publication->position, now);
  const PublishReceipt receipt{publication->position, false};
  if (subscribed) sink->on_publication(publication);
  return receipt;
}

void MemoryBroker::publish(std::vector<PublishRequest> messages, ReceiptsDone done) {
  std::vector<Result<PublishReceipt>> receipts;
  receipts.reserve(messages.size());
  for (auto& message : messages) receipts.push_back(publish_one(message));
  if (totals_.bytes.load(std::memory_order_relaxed) > options_.history_bytes) keep_within_bytes();
  completions_.add(std::move(done), std::move(receipts));
}

// Takes the oldest messages of the whole node, holding one lock at a time. Two publishers who do this at once may throw away a few more
// than needed.
void MemoryBroker::keep_within_bytes() {
  while (totals_.bytes.load(std::memory_order_relaxed) > options_.history_bytes) {
    MemoryStore* oldest = nullptr;
    int64_t age = std::numeric_limits<int64_t>::max();
    for (auto& store : stores_) {
      const int64_t at = store->oldest_at.load(std::memory_order_relaxed);
      if (at < age) {
        age = at;
        oldest = store.get();
      }
    }
    if (oldest == nullptr) return;
    std::lock_guard lock(oldest->mutex);
    oldest->drop_oldest();
  }
}

void MemoryBroker::set_subscribed(const std::vector<std::string>& channels, bool subscribed, Done done) {
  bool running = true;
  for (const auto& channel : channels) {
    MemoryStore& store = store_of(channel);
    std::lock_guard lock(store.mutex);
    running = sink_.load(std::memory_order_acquire) != nullptr;
    if (!running) break;
    store.set_subscribed(channel, subscribed);
  }
  completions_.add([done = std::move(done), running] { done(running ? Result<void>() : Result<void>(not_running())); });
}

void MemoryBroker::subscribe(const std::vector<std::string>& channels, Done done) { set_subscribed(channels, true, std::move(done)); }

void MemoryBroker::unsubscribe(const std::vector<std::string>& channels, Done done) { set_subscribed(channels, false, std::move(done)); }

void MemoryBroker::read(const std::string& channel, Position since, size_t limit, PageDone done) {
  Result<HistoryPage> page = not_running();
  {
    MemoryStore& store = store_of(channel);
    std::lock_guard lock(store.mutex);
    if (sink_.load(std::memory_order_acquire) != nullptr) page = store.read(channel, since, limit, clock_.now());
  }
  completions_.add([done = std::move(done), page = std::move(page)]() mutable { done(std::move(page)); });
}

}  // namespace holdfast
