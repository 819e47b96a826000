#include <algorithm>
#include <chrono>
#include <utility>

#include "adapters/kafka/kafka_broker.h"
#include "gateway/base/log.h"

namespace holdfast {

namespace {

constexpr Duration kShortPatience{3'000};
constexpr Duration kLookAgain{150};
// A mark is repeated after so many records or so long, up to twice that.
constexpr int64_t kMarkEvery = 10'000;
constexpr Duration kMarkAge{600'000};
constexpr int64_t kStepBack = 2 * kMarkEvery + 1'000;
// Keys count for two minutes. Twice that is read back: what is a repetition depends on what stood before.
constexpr Duration kReadBack = 2 * RecentKeys::kWindow;

}  // namespace

// ---- where to begin

void KafkaBroker::need(Partition& partition) {
  partition.used = clock_.now();
  if (partition.state != Partition::State::idle) return;
  partition.state = Partition::State::looking;
  if (!looking_) look_up();
}

// One set of questions for all partitions that wait.
void KafkaBroker::look_up() {
  std::vector<Partition*> wanted;
  std::vector<PartitionRef> refs;
  for (auto& topic : topics_) {
    if (topic->available == 0) continue;
    for (auto& partition : topic->partitions) {
      if (partition->state != Partition::State::looking || partition->id >= topic->available) continue;
      wanted.push_back(partition.get());
      refs.push_back({topic->name, partition->id});
    }
  }
  if (wanted.empty()) return;
  looking_ = true;
  const auto patience = std::min(options_.timeout, Duration(3'000));
  look_ups_->post([this, wanted, refs, patience, since = clock_.wall() - kReadBack, client = asker_.get()] {
    auto ends = ask_offsets(client, refs, Ask::end, patience);
    auto lows = ask_offsets(client, refs, Ask::beginning, patience);
    auto backs = ask_offsets(client, refs, since, patience);
    inbox_.post([this, wanted, ends = std::move(ends), lows = std::move(lows), backs = std::move(backs)] {
      looking_ = false;
      if (sink_ == nullptr) return;
      for (size_t i = 0; i < wanted.size(); ++i) on_looked_up(*wanted[i], lows[i], ends[i], backs[i]);
      if (clock_.now() >= look_at_) look_up();
    });
  });
}

void KafkaBroker::on_looked_up(Partition& partition, const Result<int64_t>& low, const Result<int64_t>& end, const Result<int64_t>& back) {
  if (partition.state != Partition::State::looking) return;
  if (!low || !end || !back) {
    log::debug("where a partition begins is not known yet", {{"reason", (!low ? low : !end ? end : back).error().text}});
    look_at_ = clock_.now() + kLookAgain;
    return;
  }
  partition.low = std::min(*low, *end);
  partition.target = *end;
  // The log is shorter than what was read of it.
  if (partition.resume.epoch != 0 && *end < partition.resume.consumed) {
    if (may_grow(partition)) {
      look_at_ = clock_.now() + kLookAgain;
      return;
    }
    partition.condemned = partition.resume.epoch;
  }
  int64_t from = *back < 0 ? *end : std::min(*back, *end);
  from = std::max({from, partition.low, *end - std::max(options_.scan_messages, kStepBack)});
  begin_reading(partition, from);
}

// A broker that has just started tells at first only what it knows the replicas to have.
bool KafkaBroker::may_grow(Partition& partition) {
  if (partition.short_since == TimePoint()) partition.short_since = clock_.now();
  return clock_.now() - partition.short_since < kShortPatience;
}

// Nothing is known of the partition but where it begins and ends. `from` is an offset, never "the end": that would be looked up later, and
// what came meanwhile skipped.
void KafkaBroker::begin_reading(Partition& partition, int64_t from) {
  end_reading(partition);
  partition.state = Partition::State::reading;
  partition.start = partition.consumed = from;
  partition.last_offset = -1;
  partition.checking = false;
  partition.proposed = 0;
  partition.epoch.begin(from);
  partition.log.reset(from);
  if (rd_kafka_consume_start_queue(partition.topic.consuming.get(), partition.id, from, records_.get()) != 0) {
    log::warn("a partition cannot be consumed", {{"reason", kafka_error(rd_kafka_last_error())}});
    partition.state = Partition::State::looking;
    look_at_ = clock_.now() + kLookAgain;
    return;
  }
  partition.consuming = true;
  partition.batch = batch_;
  partitions_gauge_.add();
}

void KafkaBroker::end_reading(Partition& partition) {
  partition.state = Partition::State::idle;
  partition.checking = false;
  if (!std::exchange(partition.consuming, false)) return;
  rd_kafka_consume_stop(partition.topic.consuming.get(), partition.id);
  partition.batch = batch_;
  partitions_gauge_.sub();
}

// It is not sure that what comes next is what follows. `condemn`: it is sure that it is not.
void KafkaBroker::restart(Partition& partition, bool condemn) {
  restarts_.add();
  if (partition.state == Partition::State::live) {
    log::warn("a partition is read anew", {{"topic", partition.topic.name}, {"partition", partition.id}, {"cut", condemn}});
    partition.resume = {partition.epoch.epoch(), partition.consumed, partition.last_offset, partition.last_print};
  }
  if (condemn) {
    partition.condemned = partition.epoch.epoch();
    give_up_confirming(partition);
  }
  end_reading(partition);
  for (auto& barrier : partition.barriers) {
    barrier.asked = false;
    barrier.end = -1;
  }
  partition.state = Partition::State::looking;
  look_at_ = clock_.now() + kLookAgain;
}

// After Kafka was away, or has another leader: is the record that was read last before still the one at its offset? Kafka would continue in
// another log without a word.
void KafkaBroker::check(Partition& partition) {
  if (partition.state != Partition::State::live) return;
  rd_kafka_consume_stop(partition.topic.consuming.get(), partition.id);
  partition.batch = batch_;
  if (rd_kafka_consume_start_queue(partition.topic.consuming.get(), partition.id, partition.anchor_offset, records_.get()) != 0) {
    partition.consuming = false;
    partitions_gauge_.sub();
    return restart(partition, false);
  }
  partition.checking = true;
  partition.anchored = false;
}

// ---- what comes

bool KafkaBroker::serve_records() {
  constexpr size_t kMost = 512;
  rd_kafka_message_t* messages[kMost];
  ++batch_;
  const auto count = rd_kafka_consume_batch_queue(records_.get(), 0, messages, kMost);
  for (ssize_t i = 0; i < count; ++i) {
    const auto& message = *messages[i];
    if (message.rkt != nullptr && sink_ != nullptr) {
      auto& topic = *static_cast<Topic*>(rd_kafka_topic_opaque(message.rkt));
      const auto id = static_cast<size_t>(message.partition);
      // Consuming began anew in this batch: the rest of it is from before.
      if (id < topic.partitions.size() && topic.partitions[id]->consuming && topic.partitions[id]->batch != batch_) {
        on_record(*topic.partitions[id], message);
      }
    }
    rd_kafka_message_destroy(messages[i]);
  }
  return count == static_cast<ssize_t>(kMost);
}

void KafkaBroker::on_record(Partition& partition, const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    // The record that is looked for is gone.
    if (partition.checking) return restart(partition, !may_grow(partition));
    partition.consumed = std::max(partition.consumed, message.offset);
    return progress(partition);
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log::debug("Kafka cannot read a partition", {{"topic", partition.topic.name}, {"reason", kafka_error(message.err)}});
    probe_at_ = clock_.now();
    if (partition.topic.count == 0) lose("topic '" + partition.topic.name + "' cannot be read: " + kafka_error(message.err));
    restart(partition, false);
    // How many partitions there are is the first one's to tell.
    auto& first = *partition.topic.partitions.front();
    if (first.state == Partition::State::live) restart(first, false);
    return;
  }
  const uint64_t print = fingerprint(message);
  if (partition.checking) {
    const bool is_anchor = message.offset == partition.anchor_offset && print == partition.anchor_print;
    if (!std::exchange(partition.anchored, true) && !is_anchor) return restart(partition, true);
    if (message.offset < partition.last_offset) return;
    if (message.offset != partition.last_offset || print != partition.last_print) return restart(partition, true);
    partition.checking = false;
    partition.short_since = {};
    for (auto& one : partition.topic.partitions) pump(*one);
    return progress(partition);
  }
  const auto& before = partition.resume;
  if (before.epoch != 0 && message.offset == before.last_offset && print != before.last_print) partition.condemned = before.epoch;
  partition.consumed = message.offset + 1;
  partition.last_offset = message.offset;
  partition.last_print = print;
  auto record = parse_record(message, options_.foreign);
  if (record.kind == KafkaRecord::Kind::mark) {
    on_mark(partition, record);
  } else if (record.kind == KafkaRecord::Kind::garbage) {
    garbage_.add();
  } else if (const auto publication = partition.log.append(std::move(record)); !publication) {
    duplicates_.add();
  } else if (partition.state == Partition::State::live) {
    deliver(publication);
  }
  progress(partition);
}

void KafkaBroker::deliver(const PublicationPtr& publication) {
  const auto found = channels_.find(publication->channel);
  if (found != channels_.end() && found->second.live) sink_->on_publication(publication);
}

void KafkaBroker::on_mark(Partition& partition, const KafkaRecord& record) {
  const bool own = record.mark.founding && record.mark.epoch == partition.proposed;
  const auto said = partition.epoch.take(record.mark, record.offset);
  if (own) partition.proposed = 0;
  if (said == LogEpoch::Said::repeated || said == LogEpoch::Said::changed) plan_mark(partition, record.time);
  if (said == LogEpoch::Said::changed) {
    partition.log.drop_before(record.offset + 1);
    if (partition.state == Partition::State::live) {
      partition.log.set_epoch(partition.epoch.epoch());
      tell_gap(partition);
      if (partition.id == 0) pin(partition.topic, partition.epoch.partitions());
    }
  }
  if (said == LogEpoch::Said::doubt && partition.state == Partition::State::live) return restart(partition, false);
  // The founder repeats its mark at once, before its own publications.
  if (own && partition.epoch.epoch() == record.mark.epoch) {
    send_mark(partition, {false, record.mark.epoch, partition.epoch.founded(), record.mark.partitions});
    plan_mark(partition, record.time);
  }
}

void KafkaBroker::progress(Partition& partition) {
  if (partition.state == Partition::State::reading && partition.consumed >= partition.target) settle(partition);
  if (partition.state != Partition::State::live || partition.checking) return;
  if (!partition.barriers.empty()) pass_barriers(partition);
  if (!partition.confirming.empty()) confirm(partition);
}

// ---- the epoch

void KafkaBroker::settle(Partition& partition) {
  const uint64_t epoch = partition.epoch.epoch();
  if (epoch != 0 && epoch != partition.condemned) return go_live(partition);
  if (epoch != 0 || partition.start <= partition.low) return propose(partition);
  // A mark stands further back.
  int64_t from = partition.start - 2 * (partition.target - partition.start) - kStepBack;
  if (partition.epoch.undecided() >= 0) from = std::min(from, partition.epoch.undecided());
  begin_reading(partition, std::max(partition.low, from));
}

void KafkaBroker::propose(Partition& partition) {
  if (partition.proposed != 0 || clock_.now() < partition.propose_at) return;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch()).count();
  partition.propose_at = clock_.now() + Duration(300);
  partition.proposed = static_cast<uint64_t>(ms) << 22 | (random_() & 0x3fffff);
  const auto& topic = partition.topic;
  send_mark(partition, {true, partition.proposed, partition.consumed, topic.count != 0 ? topic.count : topic.available});
}

void KafkaBroker::go_live(Partition& partition) {
  const uint64_t epoch = partition.epoch.epoch();
  const auto resume = std::exchange(partition.resume, {});
  partition.log.drop_before(partition.epoch.founded() + 1);
  partition.log.set_epoch(epoch);
  partition.condemned = 0;
  partition.short_since = {};
  partition.state = Partition::State::live;
  partition.anchor_offset = partition.last_offset;
  partition.anchor_print = partition.last_print;
  if (resume.epoch != 0) {
    std::vector<PublicationPtr> missed;
    const bool whole = resume.epoch == epoch && partition.start <= resume.consumed && partition.consumed >= resume.consumed &&
                       partition.log.since(resume.consumed, missed);
    if (!whole) missed.clear(), tell_gap(partition);
    for (const auto& publication : missed) deliver(publication);
  }
  if (partition.id == 0) pin(partition.topic, partition.epoch.partitions());
  for (auto& one : partition.topic.partitions) pump(*one);
}

// So that retention always leaves one. Nodes choose at random when, so that mostly one of them writes it.
void KafkaBroker::plan_mark(Partition& partition, WallTime last) {
  partition.mark_after = partition.consumed + kMarkEvery + static_cast<int64_t>(random_() % kMarkEvery);
  partition.mark_at = last + kMarkAge + Duration(static_cast<int64_t>(random_() % static_cast<uint64_t>(kMarkAge.count())));
}

// How many partitions channels are spread over is told by the first of them, whatever Kafka has by now.
void KafkaBroker::pin(Topic& topic, int32_t count) {
  if (topic.count == count) return;
  topic.count = count;
  log::info("channels are spread over the partitions of a topic", {{"topic", topic.name}, {"partitions", count}});
  while (topic.partitions.size() < static_cast<size_t>(count)) {
    topic.partitions.push_back(std::make_unique<Partition>(topic, static_cast<int32_t>(topic.partitions.size()), options_));
  }
  // Those that wait were meant for other partitions.
  for (auto& partition : topic.partitions) {
    for (auto& message : std::exchange(partition->held, {})) answer(*message, fail(ErrorKind::unavailable, "the topic was made again"));
    partition->held_asked = false;
  }
  std::vector<std::string> moved;
  for (auto& [name, channel] : channels_) {
    if (&topic_of(name) != &topic) continue;
    if (channel.partition != nullptr) --channel.partition->channels;
    channel.unsure = channel.unsure || channel.live;
    channel.live = false;
    moved.push_back(name);
  }
  for (const auto& name : moved) attach(name);
  come_up();
}

void KafkaBroker::tell_gap(Partition& partition) {
  for (const auto& [name, channel] : channels_) {
    if (channel.partition == &partition && channel.live) sink_->on_gap(name);
  }
}

void KafkaBroker::keep_partitions(TimePoint now) {
  for (auto& topic : topics_) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {  // settling may add some
      auto& p = *topic->partitions[i];
      if (p.state == Partition::State::reading && p.consumed >= p.target && p.proposed == 0) settle(p);
      if (p.state != Partition::State::live || p.checking) continue;
      if (healthy_ && (clock_.wall() >= p.mark_at || p.consumed >= p.mark_after)) {
        send_mark(p, {false, p.epoch.epoch(), p.epoch.founded(), p.epoch.partitions()});
        plan_mark(p, clock_.wall());
      }
      // The first tells how many there are.
      const bool wanted = p.id == 0 || p.channels > 0 || !p.held.empty() || !p.barriers.empty() || !p.confirming.empty();
      if (!wanted && now - p.used >= options_.partition_linger) end_reading(p);
    }
  }
}

}  // namespace holdfast
