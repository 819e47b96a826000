#include <algorithm>

#include "adapters/kafka/kafka_broker.h"
#include "adapters/support/errors.h"

namespace holdfast {

namespace {

constexpr Duration kAskAgain{100};

}  // namespace

// ---- barriers: everything that was in the partition at this moment has been consumed

void KafkaBroker::add_barrier(Partition& partition, std::optional<TimePoint> deadline, std::function<void(bool)> then) {
  need(partition);
  partition.barriers.push_back({std::move(then), deadline, false, -1});
  if (!asking_) ask_ends();
}

// One question for all that wait; those that come while it is under way wait for the next.
void KafkaBroker::ask_ends() {
  std::vector<std::pair<Partition*, int64_t>> asked;
  std::vector<PartitionRef> refs;
  for (auto& topic : topics_) {
    for (auto& partition : topic->partitions) {
      if (partition->state != Partition::State::live || partition->checking) continue;
      bool any = false;
      for (auto& barrier : partition->barriers) {
        any = any || !barrier.asked;
        barrier.asked = true;
      }
      if (!any) continue;
      asked.emplace_back(partition.get(), partition->consumed);
      refs.push_back({topic->name, partition->id});
    }
  }
  if (asked.empty()) return;
  asking_ = true;
  const auto patience = std::min(options_.timeout, Duration(3'000));
  look_ups_->post([this, asked, refs, patience, client = asker_.get()] {
    auto ends = ask_offsets(client, refs, Ask::end, patience);
    inbox_.post([this, asked, ends = std::move(ends)] {
      asking_ = false;
      for (size_t i = 0; i < asked.size(); ++i) on_end(*asked[i].first, asked[i].second, ends[i]);
      if (sink_ != nullptr && clock_.now() >= ask_at_) ask_ends();
    });
  });
}

void KafkaBroker::on_end(Partition& partition, int64_t asked_at, const Result<int64_t>& end) {
  if (!end) ask_at_ = clock_.now() + kAskAgain;
  // Reading began anew meanwhile, or it was not told: to be asked again.
  const bool useful = end && partition.state == Partition::State::live && !partition.checking;
  for (auto& barrier : partition.barriers) {
    if (!barrier.asked || barrier.end >= 0) continue;
    if (useful) {
      barrier.end = *end;
    } else {
      barrier.asked = false;
    }
  }
  if (!useful) return;
  // The log is shorter than what was read of it.
  if (*end < asked_at) return restart(partition, true);
  pass_barriers(partition);
}

void KafkaBroker::pass_barriers(Partition& partition) {
  if (partition.state != Partition::State::live || partition.checking) return;
  while (!partition.barriers.empty()) {
    auto& first = partition.barriers.front();
    if (first.end < 0 || first.end > partition.consumed) return;
    const auto then = std::move(first.then);
    partition.barriers.pop_front();
    then(true);
  }
}

// `all`: also those that may wait for as long as it takes.
void KafkaBroker::fail_barriers(Partition& partition, bool all) {
  auto barriers = std::exchange(partition.barriers, {});
  for (auto& barrier : barriers) {
    if (all || barrier.deadline) {
      barrier.then(false);
    } else {
      barrier.asked = false;
      barrier.end = -1;
      partition.barriers.push_back(std::move(barrier));
    }
  }
}

void KafkaBroker::expire_barriers(TimePoint now) {
  for (auto& topic : topics_) {
    for (auto& partition : topic->partitions) {
      auto& barriers = partition->barriers;
      for (size_t i = 0; i < barriers.size();) {
        if (!barriers[i].deadline || now < *barriers[i].deadline) {
          ++i;
          continue;
        }
        const auto then = std::move(barriers[i].then);
        barriers.erase(barriers.begin() + static_cast<std::ptrdiff_t>(i));
        then(false);
      }
    }
  }
}

// ---- history

void KafkaBroker::do_read(const std::string& channel, Position since, size_t limit, const PageDone& done) {
  auto* partition = partition_of_channel(channel);
  if (!running() || !healthy_ || partition == nullptr) return done(unavailable("the broker cannot be reached"));
  add_barrier(*partition, clock_.now() + options_.timeout, [this, partition, channel, since, limit, done](bool reached) {
    if (!reached) return done(unavailable("the partition was not read in time"));
    answer_read(*partition, channel, since, limit, done);
  });
}

// Positions count from 1 and Kafka from 0: what follows a position begins at the same number in Kafka.
void KafkaBroker::answer_read(Partition& partition, const std::string& channel, Position since, size_t limit, const PageDone& done) {
  const uint64_t epoch = partition.epoch.epoch();
  const auto end = static_cast<uint64_t>(partition.consumed);
  const bool here = since.known() && since.epoch == epoch && since.offset <= end;
  // From where it has to be whole. Without a position: from the founding, which has to be the very first record.
  const int64_t from = here ? static_cast<int64_t>(since.offset) : 0;
  const bool provable = here || (!since.known() && partition.epoch.founded() == 0);
  auto kept = partition.log.read(channel, from, limit);

  HistoryPage page;
  // Nothing of it is remembered: the end of the partition is a place before its next one.
  page.top = kept.top.known() ? kept.top : Position{epoch, end};
  page.continuous = provable && (kept.complete_from <= from || kept.complete_from <= partition.epoch.founded() + 1);
  page.publications = std::move(kept.publications);
  const int64_t missing = kept.complete_from - from;
  if (page.continuous || limit == 0 || !provable || kept.trimmed || missing > options_.scan_messages) return done(std::move(page));

  // Memory does not reach back so far; Kafka does, perhaps.
  scans_.add();
  const Scan what{partition.topic.name, partition.id, channel, from, kept.complete_from, options_.scan_bytes, options_.foreign};
  const auto patience = std::min(options_.timeout, Duration(5'000));
  scans_worker_->post([this, what, patience, page = std::move(page), epoch, limit, done, client = asker_.get(),
                       kept_most = static_cast<size_t>(options_.history_messages), budget = options_]() mutable {
    auto records = scan(client, what, patience, ending_scans_);
    if (records) {
      PartitionLog older(kept_most, budget.history_bytes + budget.scan_bytes);
      older.reset(what.from);
      older.set_epoch(epoch);
      for (auto& record : *records) {
        if (record.kind == KafkaRecord::Kind::publication) older.append(std::move(record));
      }
      auto found = older.read(what.channel, what.from, limit);
      page.continuous = found.complete_from <= what.from && found.publications.size() + page.publications.size() <= kept_most;
      found.publications.insert(found.publications.end(), page.publications.begin(), page.publications.end());
      if (found.publications.size() > kept_most) {
        found.publications.erase(found.publications.begin(), found.publications.end() - static_cast<std::ptrdiff_t>(kept_most));
      }
      if (found.publications.size() > limit) found.publications.resize(limit);
      page.publications = std::move(found.publications);
    }
    const bool unknown = !records && records.error().kind == ErrorKind::unavailable;
    inbox_.post([this, done, unknown, page = std::move(page)]() mutable {
      if (sink_ == nullptr) return done(unavailable("the broker is not running"));
      if (unknown) return done(unavailable("older messages could not be read"));
      done(std::move(page));
    });
  });
}

}  // namespace holdfast
