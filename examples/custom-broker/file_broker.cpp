#include "examples/custom-broker/file_broker.h"

#include <chrono>
#include <limits>
#include <utility>

#include "adapters/support/errors.h"
#include "adapters/support/store.h"

namespace holdfast {

namespace {

constexpr Duration kLookEvery{2};  // so late may another node's message be
constexpr Duration kForever = std::chrono::hours(24 * 365 * 100);

// Ages count by the records' times, which are the same on every node.
TimePoint age_point(WallTime time) { return TimePoint(time.time_since_epoch()); }

tl::unexpected<Error> not_running() { return unavailable("the broker is not running"); }

}  // namespace

// What this node has read of one epoch. The store counts the offsets, alike on every node, since all read the same records.
struct FileBroker::Channels {
  Channels(uint64_t epoch, const FileOptions& options, Count& kept_bytes)
      : totals(epoch), store({static_cast<size_t>(options.history_messages), kForever, std::numeric_limits<size_t>::max()}, totals) {
    totals.kept_bytes = &kept_bytes;
  }
  MemoryTotals totals;
  MemoryStore store;
};

void declare(OptionSet& set, FileOptions& options) {
  set.path("path", options.path, "The file that all nodes of this machine share.");
  set.integer("history_messages", options.history_messages, "Messages kept per channel for clients that come back.").range(0, 1'000'000);
  set.size("max_message", options.max_message, "Largest message that is accepted.").range(1024, 1 << 30);
}

FileBroker::FileBroker(const FileOptions& options, const Clock& clock, Metrics& metrics)
    : options_(options),
      clock_(clock),
      kept_bytes_(metrics.gauge("holdfast_file_history_bytes", "Bytes of messages that the file broker keeps in memory.")),
      file_(options.path) {}

FileBroker::~FileBroker() { stop(); }

void FileBroker::start(BrokerSink& sink) {
  completions_.add([this, &sink] {
    sink_ = &sink;
    (void)enter();
  });
  look_ = std::jthread([this](const std::stop_token& ending) {
    while (!ending.stop_requested()) {
      std::this_thread::sleep_for(kLookEvery);
      completions_.add([this] { (void)enter(); });
      completions_.drain();
    }
  });
}

void FileBroker::stop() {
  look_ = {};
  completions_.add([this] { sink_ = nullptr; });
  completions_.drain();
}

// Locked, and read to the end: what is done now comes after all that other nodes did.
Result<SharedFile::Lock> FileBroker::enter() {
  if (sink_ == nullptr) return not_running();
  auto lock = file_.lock();
  const auto last = lock ? take_news(*lock) : fail(lock.error());
  if (healthy_ != last.has_value()) {
    healthy_ = last.has_value();
    sink_->on_health(*healthy_, last ? options_.path : last.error().text);
  }
  if (!last) return fail(last.error());
  return lock;
}

// The position of the last new message; unknown if there was none.
Result<Position> FileBroker::take_news(const SharedFile::Lock& lock) {
  auto news = file_.read_on(lock);
  if (!news) return fail(news.error());
  if (!channels_ || channels_->totals.epoch != news->epoch) {
    channels_ = std::make_unique<Channels>(news->epoch, options_, kept_bytes_);
    for (const auto& channel : subscribed_) sink_->on_gap(channel);
  }
  Position last;
  for (auto& record : news->records) last = take(std::move(record));
  return last;
}

Position FileBroker::take(SharedFile::Record record) {
  auto& [channel, envelope, key] = record.message;
  const TimePoint at = age_point(record.time);
  const auto publication = channels_->store.append(std::move(channel), std::move(envelope), at, record.time).publication;
  if (!key.empty()) {
    RecentKeys& keys = channels_->store.keys;
    const std::string used = RecentKeys::key(publication->channel, key);
    // Asking first forgets the key's use of more than two minutes ago.
    if (!keys.find(used, at)) keys.put(used, publication->position, at);
  }
  if (subscribed_.contains(publication->channel)) sink_->on_publication(publication);
  return publication->position;
}

Result<PublishReceipt> FileBroker::publish_one(PublishRequest& message) {
  if (message.channel.empty()) return invalid("the channel is empty");
  if (message.envelope.size() > options_.max_message) return fail(ErrorKind::too_large, "the message is larger than the broker accepts");
  const auto lock = enter();
  if (!lock) return fail(lock.error());
  const WallTime now = clock_.wall();
  if (!message.idempotency_key.empty()) {
    const std::string key = RecentKeys::key(message.channel, message.idempotency_key);
    if (const auto first = channels_->store.keys.find(key, age_point(now))) return PublishReceipt{*first, true};
  }
  if (const auto appended = file_.append(*lock, {now, std::move(message)}); !appended) return fail(appended.error());
  // What this node wrote it reads like what others wrote: there is one way in.
  const auto position = take_news(*lock);
  if (!position) return fail(position.error());
  if (!position->known()) return unavailable("the file was emptied meanwhile");
  return PublishReceipt{*position, false};
}

void FileBroker::publish(std::vector<PublishRequest> messages, ReceiptsDone done) {
  completions_.add([this, messages = std::move(messages), done = std::move(done)]() mutable {
    std::vector<Result<PublishReceipt>> receipts;
    receipts.reserve(messages.size());
    for (auto& message : messages) receipts.push_back(publish_one(message));
    done(std::move(receipts));
  });
}

void FileBroker::subscribe(const std::vector<std::string>& channels, Done done) {
  completions_.add([this, channels, done = std::move(done)] {
    const Result<void> entered = enter().map([](const SharedFile::Lock&) {});
    if (entered) subscribed_.insert(channels.begin(), channels.end());
    done(entered);
  });
}

void FileBroker::unsubscribe(const std::vector<std::string>& channels, Done done) {
  completions_.add([this, channels, done = std::move(done)] {
    for (const auto& channel : channels) subscribed_.erase(channel);
    done(sink_ != nullptr ? Result<void>() : not_running());
  });
}

void FileBroker::read(const std::string& channel, Position since, size_t limit, PageDone done) {
  completions_.add([this, channel, since, limit, done = std::move(done)] {
    auto page =
        enter().map([&](const SharedFile::Lock&) { return channels_->store.read(channel, since, limit, age_point(clock_.wall())); });
    done(std::move(page));
  });
}

}  // namespace holdfast
