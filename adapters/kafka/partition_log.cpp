#include "adapters/kafka/partition_log.h"

#include <algorithm>

namespace holdfast {

namespace {
constexpr size_t kOverhead = 160;  // of an entry, roughly: a trimmed one still costs some
}  // namespace

size_t PartitionLog::cost(const Publication* publication) {
  return kOverhead + (publication == nullptr ? 0 : publication->channel.size() + publication->envelope.size());
}

void PartitionLog::reset(int64_t offset) {
  entries_.clear();
  channels_.clear();
  keys_ = RecentKeys();
  bytes_ = 0;
  epoch_ = 0;
  complete_from_ = offset;
}

PublicationPtr PartitionLog::append(KafkaRecord record) {
  const Position at{epoch_, static_cast<uint64_t>(record.offset) + 1};
  if (!record.idempotency_key.empty()) {
    const auto key = RecentKeys::key(record.channel, record.idempotency_key);
    if (keys_.find(key, time_of(record.time))) return nullptr;
    keys_.put(key, at, time_of(record.time));
  }
  auto& channel = channels_[record.channel];
  auto publication = std::make_shared<Publication>();
  publication->channel = std::move(record.channel);
  publication->position = at;
  if (!channel.kept.empty()) publication->previous = channel.kept.back()->position;
  publication->time = record.time;
  publication->envelope = std::move(record.envelope);
  channel.kept.push_back(publication);
  entries_.push_back({record.offset, publication});
  bytes_ += cost(publication.get());
  if (channel.kept.size() > most_) trim(channel);
  while (bytes_ > most_bytes_ && entries_.size() > 1) evict_first();
  return publication;
}

void PartitionLog::trim(Channel& channel) {
  const auto offset = static_cast<int64_t>(channel.kept.front()->position.offset) - 1;
  const auto entry =
      std::lower_bound(entries_.begin(), entries_.end(), offset, [](const Entry& e, int64_t wanted) { return e.offset < wanted; });
  bytes_ -= cost(entry->publication.get()) - cost(nullptr);
  entry->publication.reset();
  channel.kept.pop_front();
  channel.trimmed = offset + 1;
}

void PartitionLog::evict_first() {
  const Entry entry = std::move(entries_.front());
  entries_.pop_front();
  bytes_ -= cost(entry.publication.get());
  complete_from_ = entry.offset + 1;
  if (!entry.publication) return;
  const auto channel = channels_.find(entry.publication->channel);
  channel->second.kept.pop_front();
  if (channel->second.kept.empty()) channels_.erase(channel);
}

void PartitionLog::set_epoch(uint64_t epoch) {
  epoch_ = epoch;
  for (auto& entry : entries_) {
    // Without an epoch it was given to nobody yet.
    if (!entry.publication || entry.publication->position.epoch != 0) continue;
    entry.publication->position.epoch = epoch;
    if (entry.publication->previous.offset > 0) entry.publication->previous.epoch = epoch;
  }
}

void PartitionLog::drop_before(int64_t offset) {
  while (!entries_.empty() && entries_.front().offset < offset) evict_first();
  complete_from_ = std::max(complete_from_, offset);
}

std::optional<Position> PartitionLog::find_key(const std::string& channel, const std::string& key, WallTime now) {
  auto position = keys_.find(RecentKeys::key(channel, key), time_of(now));
  if (position) position->epoch = epoch_;
  return position;
}

PartitionLog::Page PartitionLog::read(const std::string& name, int64_t from, size_t limit) const {
  Page page;
  page.complete_from = complete_from_;
  const auto found = channels_.find(name);
  if (found == channels_.end()) return page;
  const auto& channel = found->second;
  page.trimmed = channel.trimmed > complete_from_;
  page.complete_from = std::max(complete_from_, channel.trimmed);
  page.top = channel.kept.back()->position;
  auto it = std::lower_bound(channel.kept.begin(), channel.kept.end(), from, [](const std::shared_ptr<Publication>& p, int64_t wanted) {
    return static_cast<int64_t>(p->position.offset) - 1 < wanted;
  });
  for (; it != channel.kept.end() && page.publications.size() < limit; ++it) page.publications.push_back(*it);
  return page;
}

bool PartitionLog::since(int64_t offset, std::vector<PublicationPtr>& out) const {
  auto it = std::lower_bound(entries_.begin(), entries_.end(), offset, [](const Entry& e, int64_t wanted) { return e.offset < wanted; });
  bool whole = complete_from_ <= offset;
  for (; it != entries_.end(); ++it) {
    if (it->publication) {
      out.push_back(it->publication);
    } else {
      whole = false;
    }
  }
  return whole;
}

}  // namespace holdfast
