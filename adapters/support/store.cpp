#include "adapters/support/store.h"

#include <algorithm>

namespace holdfast {

namespace {
// Beside the text: the publication, its counts and its place in a channel.
constexpr size_t kBytesPerMessage = 256;
}  // namespace

MemoryStore::~MemoryStore() {
  while (oldest_ != nullptr) drop_first(*oldest_->channel);
}

MemoryStore::Channel& MemoryStore::channel(std::string_view name) {
  if (const auto it = channels_.find(name); it != channels_.end()) return it->second;
  const auto it = channels_.emplace(std::string(name), Channel()).first;
  Channel& made = it->second;
  made.name = &it->first;
  made.epoch = totals_.epoch.load(std::memory_order_relaxed);
  made.whole_story = !totals_.dropped_any.load(std::memory_order_relaxed);
  idle_in(made);
  return made;
}

MemoryStore::Appended MemoryStore::append(std::string name, Bytes envelope, TimePoint now, WallTime wall) {
  Channel& to = channel(name);
  auto kept = std::make_shared<Kept>();
  kept->bytes = kBytesPerMessage + name.size() + envelope.size();
  kept->at = now;
  kept->channel = &to;
  Publication& publication = kept->publication;
  publication.channel = std::move(name);
  publication.envelope = std::move(envelope);
  publication.time = wall;
  publication.previous = {to.epoch, to.last};
  publication.position = {to.epoch, ++to.last};
  to.last_at = now;
  PublicationPtr shared(kept, &publication);
  keep(to, std::move(kept), now);
  if (!to.subscribed) {
    idle_out(to);
    idle_in(to);
    drop_idle_channels();
  }
  return {std::move(shared), to.subscribed};
}

void MemoryStore::keep(Channel& to, std::shared_ptr<Kept> kept, TimePoint now) {
  kept->older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = kept.get();
  newest_ = kept.get();
  totals_.bytes.fetch_add(kept->bytes, std::memory_order_relaxed);
  totals_.kept_bytes->add(static_cast<int64_t>(kept->bytes));
  to.kept.push_back(std::move(kept));
  while (to.size() > limits_.messages) drop_first(to);
  drop_aged(now);
  note_oldest();
}

void MemoryStore::set_subscribed(const std::string& name, bool subscribed) {
  if (!subscribed && channels_.find(name) == channels_.end()) return;
  Channel& of = channel(name);
  if (of.subscribed == subscribed) return;
  // A channel with listeners is never dropped: they would be told of a gap that is none.
  subscribed ? idle_out(of) : idle_in(of);
  of.subscribed = subscribed;
  drop_idle_channels();
}

HistoryPage MemoryStore::read(const std::string& name, Position since, size_t limit, TimePoint now) {
  drop_aged(now);
  note_oldest();
  HistoryPage page;
  const auto it = channels_.find(name);
  if (it == channels_.end()) {
    page.top = {totals_.epoch.load(std::memory_order_relaxed), 0};
    page.continuous = since.known() ? since == page.top : !totals_.dropped_any.load(std::memory_order_relaxed);
    return page;
  }
  const Channel& from = it->second;
  page.top = {from.epoch, from.last};
  uint64_t next = from.oldest_offset();
  if (!since.known()) {
    page.continuous = from.whole_story && next == 1;
  } else if (since.epoch != from.epoch || since.offset > from.last || since.offset + 1 < next) {
    page.continuous = false;
  } else {
    next = since.offset + 1;
  }
  const size_t skip = static_cast<size_t>(next - from.oldest_offset());
  const size_t count = std::min(limit, from.size() - skip);
  page.publications.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const auto& kept = from.kept[from.first + skip + i];
    page.publications.emplace_back(kept, &kept->publication);
  }
  return page;
}

// The oldest of a channel. Its memory lives on while somebody reads it.
void MemoryStore::drop_first(Channel& from) {
  const auto kept = std::move(from.kept[from.first++]);
  (kept->older != nullptr ? kept->older->newer : oldest_) = kept->newer;
  (kept->newer != nullptr ? kept->newer->older : newest_) = kept->older;
  totals_.bytes.fetch_sub(kept->bytes, std::memory_order_relaxed);
  totals_.kept_bytes->sub(static_cast<int64_t>(kept->bytes));
  if (from.first == from.kept.size()) {
    from.kept = {};
    from.first = 0;
  } else if (from.first * 2 > from.kept.size()) {
    // Half of the slots are dead: moving the rest costs less than one step per message dropped.
    from.kept.erase(from.kept.begin(), from.kept.begin() + static_cast<std::ptrdiff_t>(from.first));
    from.first = 0;
  }
}

void MemoryStore::drop_oldest() {
  if (oldest_ != nullptr) drop_first(*oldest_->channel);
  note_oldest();
}

void MemoryStore::restart(const std::string& name) {
  const auto it = channels_.find(name);
  if (it == channels_.end() || it->second.last == 0) return;
  clear(it->second);
}

void MemoryStore::clear(Channel& of) {
  while (of.size() > 0) drop_first(of);
  of.epoch = next_epoch();
  of.last = 0;
  of.last_at = {};
  of.whole_story = false;
  note_oldest();
}

bool MemoryStore::has(const std::string& name) const {
  const auto it = channels_.find(name);
  return it != channels_.end() && it->second.last > 0;
}

std::optional<MemoryStore::Moved> MemoryStore::take_out(const std::string& name, size_t bytes) {
  const auto it = channels_.find(name);
  if (it == channels_.end() || it->second.last == 0) return std::nullopt;
  Channel& from = it->second;
  Moved out{name, {from.epoch, from.last}, from.whole_story, {}, {}};
  size_t first = from.kept.size(), size = 0;
  while (first > from.first && (first == from.kept.size() || size + from.kept[first - 1]->publication.envelope.size() <= bytes)) {
    size += from.kept[--first]->publication.envelope.size();
  }
  for (; first < from.kept.size(); ++first) out.kept.emplace_back(from.kept[first], &from.kept[first]->publication);
  clear(from);
  return out;
}

bool MemoryStore::put_in(const Moved& moved, TimePoint now) {
  Channel& to = channel(moved.channel);
  if (to.last > 0 && now - to.last_at <= moved.apart) return false;
  clear(to);
  to.epoch = moved.top.epoch;
  to.last = moved.top.offset - moved.kept.size();
  to.whole_story = moved.whole_story;
  to.last_at = now;
  for (const auto& publication : moved.kept) {
    auto kept = std::make_shared<Kept>();
    kept->publication = *publication;
    kept->bytes = kBytesPerMessage + moved.channel.size() + publication->envelope.size();
    kept->at = now;
    kept->channel = &to;
    ++to.last;
    keep(to, std::move(kept), now);
  }
  return true;
}

std::vector<std::string> MemoryStore::used() const {
  std::vector<std::string> names;
  for (const auto& [name, channel] : channels_) {
    if (channel.last > 0) names.push_back(name);
  }
  return names;
}

// The whole broker moves on: whichever channel comes back begins an epoch that it never had.
uint64_t MemoryStore::next_epoch() {
  uint64_t epoch = totals_.epoch.fetch_add(1, std::memory_order_relaxed) + 1;
  if (epoch == 0) epoch = totals_.epoch.fetch_add(1, std::memory_order_relaxed) + 1;
  totals_.dropped_any.store(true, std::memory_order_relaxed);
  return epoch;
}

void MemoryStore::drop_aged(TimePoint now) {
  while (oldest_ != nullptr && now - oldest_->at >= limits_.age) drop_first(*oldest_->channel);
}

void MemoryStore::note_oldest() {
  const int64_t at = oldest_ != nullptr ? oldest_->at.time_since_epoch().count() : std::numeric_limits<int64_t>::max();
  oldest_at.store(at, std::memory_order_relaxed);
}

void MemoryStore::drop_idle_channels() {
  while (idle_count_ > limits_.channels) {
    Channel& unused = *idle_first_;
    if (unused.last > 0) next_epoch();
    while (unused.size() > 0) drop_first(unused);
    idle_out(unused);
    channels_.erase(channels_.find(*unused.name));
  }
  note_oldest();
}

void MemoryStore::idle_in(Channel& channel) {
  channel.idle_before = idle_last_;
  channel.idle_after = nullptr;
  (idle_last_ != nullptr ? idle_last_->idle_after : idle_first_) = &channel;
  idle_last_ = &channel;
  ++idle_count_;
}

void MemoryStore::idle_out(Channel& channel) {
  (channel.idle_before != nullptr ? channel.idle_before->idle_after : idle_first_) = channel.idle_after;
  (channel.idle_after != nullptr ? channel.idle_after->idle_before : idle_last_) = channel.idle_before;
  --idle_count_;
}

}  // namespace holdfast
