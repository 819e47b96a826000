#include "adapters/kafka/kafka_broker.h"

#include <algorithm>

#include <poll.h>
#include <unistd.h>

#include "gateway/base/log.h"

namespace holdfast {

namespace {

constexpr Duration kProbeEvery{2'000};
constexpr Duration kProbeAgain{150};      // while something is wrong
constexpr Duration kMostPatience{3'000};  // of one look-up; it is tried again
constexpr Duration kStopPatience{2'000};
constexpr Duration kTick{50};

}  // namespace

KafkaBroker::KafkaBroker(const KafkaOptions& options, const Clock& clock, Metrics& metrics)
    : options_(options),
      clock_(clock),
      connects_(metrics.counter("holdfast_kafka_connects_total", "Times that Kafka became reachable.")),
      garbage_(metrics.counter("holdfast_kafka_garbage_total", "Records without a key, or with marks that cannot be read.")),
      duplicates_(metrics.counter("holdfast_kafka_duplicates_total", "Records left out since their idempotency key had been used.")),
      restarts_(metrics.counter("holdfast_kafka_restarts_total", "Times that a partition had to be read anew.")),
      scans_(metrics.counter("holdfast_kafka_scans_total", "Readings of history that memory could not answer.")),
      waiting_gauge_(metrics.gauge("holdfast_kafka_waiting_bytes", "Bytes of publications that wait for the answer of Kafka.")),
      partitions_gauge_(metrics.gauge("holdfast_kafka_partitions", "Partitions that this node consumes.")),
      look_ups_(std::make_unique<Worker>()),
      scans_worker_(std::make_unique<Worker>()),
      thread_([this] { run(); }) {}

KafkaBroker::~KafkaBroker() {
  stop();
  ending_scans_ = true;
  // What they still post finds the broker stopped.
  look_ups_.reset();
  scans_worker_.reset();
  inbox_.end();
  thread_.join();
}

// ---- from any thread

void KafkaBroker::start(BrokerSink& sink) {
  inbox_.post([this, &sink] {
    sink_ = &sink;
    open();
  });
}

void KafkaBroker::stop() {
  std::promise<void> stopped;
  inbox_.post([&] {
    stops_.push_back(&stopped);
    if (!stopping_) stop_by_ = clock_.now() + kStopPatience;
    stopping_ = true;
  });
  stopped.get_future().wait();
}

// The bound is kept here, since the thread may lag behind.
void KafkaBroker::publish(std::vector<PublishRequest> messages, ReceiptsDone done) {
  size_t size = 0;
  for (const auto& message : messages) size += message.envelope.size();
  if (waiting_bytes_.fetch_add(size) + size > options_.max_waiting && !messages.empty()) {
    waiting_bytes_ -= size;
    return inbox_.post([count = messages.size(), done = std::move(done)] {
      done({count, fail(ErrorKind::unavailable, "too many publications are under way")});
    });
  }
  waiting_gauge_.add(static_cast<int64_t>(size));
  inbox_.post([this, messages = std::move(messages), done = std::move(done)]() mutable { do_publish(std::move(messages), done); });
}

void KafkaBroker::read(const std::string& channel, Position since, size_t limit, PageDone done) {
  inbox_.post([this, channel, since, limit, done = std::move(done)] { do_read(channel, since, limit, done); });
}

void KafkaBroker::subscribe(const std::vector<std::string>& channels, Done done) {
  inbox_.post([this, channels, done = std::move(done)]() mutable { do_subscribe(channels, std::move(done)); });
}

void KafkaBroker::unsubscribe(const std::vector<std::string>& channels, Done done) {
  inbox_.post([this, channels, done = std::move(done)] { do_unsubscribe(channels, done); });
}

// ---- the thread

void KafkaBroker::run() {
  for (;;) {
    pollfd wait{inbox_.fd(), POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(until_next().count()));
    inbox_.run_posted();
    more_ = false;
    if (consumer_) {
      serve_events(producer_.get(), producer_queue_.get());
      serve_events(consumer_.get(), consumer_queue_.get());
      serve_events(asker_.get(), asker_queue_.get());
      more_ = serve_records() || more_;
    }
    keep_time();
    if (inbox_.over()) break;
  }
  close();
}

Duration KafkaBroker::until_next() const {
  if (more_) return Duration(0);
  if (sink_ == nullptr) return Duration(stopping_ ? 0 : -1);
  return kTick;
}

void KafkaBroker::keep_time() {
  const auto now = clock_.now();
  if (stopping_ && (sink_ == nullptr || !healthy_ || drained() || now >= stop_by_)) {
    sink_ = nullptr;
    const auto ended = fail(ErrorKind::unavailable, "the broker is not running");
    for (auto& [key, message] : sent_) answer(*message, ended);
    for (auto& topic : topics_) {
      for (auto& partition : topic->partitions) {
        for (auto& message : std::exchange(partition->held, {})) answer(*message, ended);
        partition->confirming.clear();
        fail_barriers(*partition, true);
        end_reading(*partition);
      }
    }
    for (auto& [name, channel] : std::exchange(channels_, {})) {
      for (auto& change : channel.subscribes) {
        if (change->left > 0) change->left = 0, change->done(ended);
      }
    }
    healthy_ = stopping_ = false;
    for (auto* stopped : std::exchange(stops_, {})) stopped->set_value();
  }
  if (sink_ == nullptr || !consumer_) return;
  if (rd_kafka_fatal_error(producer_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) renew_producer();
  if (!probing_ && now >= probe_at_) probe();
  keep_partitions(now);
  expire_messages(now);
  expire_barriers(now);
  if (!looking_ && now >= look_at_) look_up();
  if (!asking_ && now >= ask_at_) ask_ends();
}

// Publishers are answered and subscribers have what those were told of.
bool KafkaBroker::drained() const {
  if (!sent_.empty()) return false;
  for (const auto& topic : topics_) {
    for (const auto& partition : topic->partitions) {
      if (!partition->held.empty()) return false;
      if (partition->channels > 0 && partition->state == Partition::State::live && partition->consumed < partition->acked) return false;
    }
  }
  return true;
}

void KafkaBroker::open() {
  std::string wrong;
  const auto make = [&](KafkaRole role, KafkaHandle& into) {
    auto client = make_kafka(role, options_);
    if (client) {
      into = std::move(*client);
    } else {
      wrong = client.error().text;
    }
    return client.has_value();
  };
  if (!make(KafkaRole::producer, producer_) || !make(KafkaRole::consumer, asker_) || !make(KafkaRole::consumer, consumer_)) {
    consumer_.reset();
    log::error("Kafka cannot be used", {{"reason", wrong}});
    return lose(wrong);
  }
  producer_queue_.reset(rd_kafka_queue_get_main(producer_.get()));
  consumer_queue_.reset(rd_kafka_queue_get_main(consumer_.get()));
  asker_queue_.reset(rd_kafka_queue_get_main(asker_.get()));
  records_.reset(rd_kafka_queue_new(consumer_.get()));
  const uint64_t one = 1;
  for (auto* queue : {producer_queue_.get(), consumer_queue_.get(), asker_queue_.get(), records_.get()}) {
    rd_kafka_queue_io_event_enable(queue, inbox_.fd(), &one, sizeof one);
  }
  const auto topic_named = [&](const std::string& name) -> Topic* {
    for (auto& topic : topics_) {
      if (topic->name == name) return topic.get();
    }
    auto topic = std::make_unique<Topic>();
    topic->name = name;
    auto producing = make_kafka_topic(producer_.get(), name, topic.get());
    auto consuming = make_kafka_topic(consumer_.get(), name, topic.get());
    auto asking = make_kafka_topic(asker_.get(), name, topic.get());
    if (!producing || !consuming || !asking) return nullptr;
    topic->producing = std::move(*producing);
    topic->consuming = std::move(*consuming);
    topic->asking = std::move(*asking);
    topics_.push_back(std::move(topic));
    return topics_.back().get();
  };
  topic_named(options_.topic);
  for (const auto& text : options_.topics) {
    if (const auto mapping = parse_topic_mapping(text)) prefixes_.emplace_back(mapping->name, topic_named(mapping->value));
  }
  std::stable_sort(prefixes_.begin(), prefixes_.end(), [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  probe_at_ = clock_.now();
}

void KafkaBroker::close() {
  if (producer_) rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  for (auto* queue : {producer_queue_.get(), consumer_queue_.get(), asker_queue_.get(), records_.get()}) {
    if (queue != nullptr) rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0);
  }
  topics_.clear();
  producer_queue_.reset();
  consumer_queue_.reset();
  asker_queue_.reset();
  records_.reset();
  producer_.reset();
  consumer_.reset();
  asker_.reset();
  sent_.clear();
}

void KafkaBroker::serve_events(rd_kafka_t* client, rd_kafka_queue_t* queue) {
  for (int i = 0; i < 1000; ++i) {
    const KafkaEvent event(rd_kafka_queue_poll(queue, 0));
    if (!event) return;
    const auto type = rd_kafka_event_type(event.get());
    if (type == RD_KAFKA_EVENT_DR) {
      while (const auto* report = rd_kafka_event_message_next(event.get())) on_delivered(*report);
    } else if (type == RD_KAFKA_EVENT_ERROR && sink_ != nullptr) {
      const auto error = rd_kafka_event_error(event.get());
      const std::string text = rd_kafka_event_error_string(event.get());
      log::debug("Kafka has trouble", {{"reason", text}});
      probe_at_ = clock_.now();
      // The others always hold a connection; that the producer has none may only mean that it had nothing to say.
      if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && client != producer_.get()) lose(text);
      if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL) lose(text);
    }
  }
  more_ = true;
}

// ---- health

std::string KafkaBroker::where() const { return options_.brokers.empty() ? "nowhere" : options_.brokers.front(); }

void KafkaBroker::probe() {
  probing_ = true;
  const auto patience = std::min(options_.timeout, kMostPatience);
  std::vector<std::pair<Topic*, rd_kafka_topic_t*>> topics;
  for (auto& topic : topics_) topics.emplace_back(topic.get(), topic->asking.get());
  // Answers from before Kafka went away do not count.
  look_ups_->post([this, patience, topics, losses = losses_, client = asker_.get()] {
    for (const auto& [topic, handle] : topics) {
      auto leaders = ask_leaders(client, handle, patience);
      if (leaders && leaders->empty() && options_.create_topics) {
        const auto created = create_topic(client, topic->name, options_);
        leaders = created ? ask_leaders(client, handle, patience) : fail(created.error());
      }
      inbox_.post([this, losses, topic = topic, leaders = std::move(leaders)] {
        if (running() && (losses == losses_ || !leaders)) on_probe(*topic, leaders);
      });
    }
    inbox_.post([this, losses] {
      probing_ = false;
      probe_at_ = clock_.now() + (healthy_ ? kProbeEvery : kProbeAgain);
      if (losses == losses_) come_up();
    });
  });
}

void KafkaBroker::on_probe(Topic& topic, const Result<std::vector<int32_t>>& leaders) {
  if (!leaders) return lose(leaders.error().text);
  topic.available = static_cast<int32_t>(leaders->size());
  if (topic.available < topic.count) forget(topic);
  if (topic.available == 0) return lose("there is no topic '" + topic.name + "'");
  while (topic.partitions.size() < leaders->size()) {
    topic.partitions.push_back(std::make_unique<Partition>(topic, static_cast<int32_t>(topic.partitions.size()), options_));
  }
  need(*topic.partitions.front());
  for (size_t i = 0; i < leaders->size(); ++i) {
    auto& partition = *topic.partitions[i];
    const int32_t leader = (*leaders)[i];
    if (leader < 0) continue;
    const int32_t before = std::exchange(partition.leader, leader);
    if (!healthy_ || partition.state != Partition::State::live || partition.checking) continue;
    // Another leader may have less than this node has read.
    if (before >= 0 && before != leader) {
      check(partition);
    } else {
      partition.anchor_offset = partition.last_offset;
      partition.anchor_print = partition.last_print;
    }
  }
}

// It was deleted, or made again with fewer partitions: what comes under its name is another log.
void KafkaBroker::forget(Topic& topic) {
  topic.count = 0;
  for (auto& partition : topic.partitions) {
    end_reading(*partition);
    give_up_confirming(*partition);
    for (auto& message : std::exchange(partition->held, {})) answer(*message, fail(ErrorKind::unavailable, "the topic is gone"));
    fail_barriers(*partition, true);
    partition->held_asked = false;
    partition->resume = {};
    partition->channels = 0;
  }
  for (auto& [name, channel] : channels_) {
    if (&topic_of(name) != &topic) continue;
    channel.partition = nullptr;
    channel.unsure = channel.unsure || channel.live;
    channel.live = false;
  }
}

void KafkaBroker::come_up() {
  if (healthy_ || !running()) return;
  for (const auto& topic : topics_) {
    if (topic->count == 0 || topic->available < topic->count) return;
  }
  healthy_ = told_health_ = true;
  connects_.add();
  log::info("connected to Kafka", {{"brokers", where()}, {"channels", channels_.size()}});
  if (std::exchange(lost_, false)) {
    for (auto& topic : topics_) {
      for (auto& partition : topic->partitions) {
        if (partition->state == Partition::State::reading) restart(*partition, false);
        check(*partition);
      }
    }
  }
  sink_->on_health(true, "Kafka at " + where());
}

void KafkaBroker::lose(const std::string& reason) {
  probe_at_ = std::min(probe_at_, clock_.now() + kProbeAgain);
  ++losses_;
  if (sink_ == nullptr || (!healthy_ && told_health_)) return;
  lost_ = lost_ || healthy_;
  healthy_ = false;
  told_health_ = true;
  log::warn("Kafka cannot be reached; trying again", {{"reason", reason}});
  sink_->on_health(false, "Kafka at " + where() + ": " + reason);
  for (auto& topic : topics_) {
    for (auto& partition : topic->partitions) {
      for (auto& message : std::exchange(partition->held, {}))
        answer(*message, fail(ErrorKind::unavailable, "the broker cannot be reached"));
      partition->held_asked = false;
      fail_barriers(*partition, false);
    }
  }
}

// ---- where a channel goes

KafkaBroker::Topic& KafkaBroker::topic_of(std::string_view channel) {
  for (auto& [prefix, topic] : prefixes_) {
    if (channel.starts_with(prefix) && topic != nullptr) return *topic;
  }
  return *topics_.front();
}

KafkaBroker::Partition* KafkaBroker::partition_of_channel(std::string_view channel) {
  if (topics_.empty()) return nullptr;
  auto& topic = topic_of(channel);
  if (topic.count == 0 || topic.partitions.size() < static_cast<size_t>(topic.count)) return nullptr;
  return topic.partitions[static_cast<size_t>(partition_of(channel, topic.count))].get();
}

}  // namespace holdfast
