#include "gateway/session/hold_channels.h"

#include <algorithm>

#include "gateway/session/gateway.h"

namespace holdfast {

namespace {
const std::vector<std::string> kNoFilters;
}

HoldChannels::More& HoldChannels::more() {
  if (!more_) more_ = std::make_unique<More>();
  return *more_;
}

void HoldChannels::listen(Owner& owner, const Instruct& instruct, std::string_view prefix, const std::vector<std::string>& implicit,
                          WallTime asked_at, bool has_link, bool believe) {
  if (!prefix.empty() || !instruct.meta.empty() || more_) {
    more().prefix = prefix;
    more().meta = Meta(instruct.meta.begin(), instruct.meta.end());
    ++more().serial;
    more().proofs = 0;
    more().unsure = false;
  }

  std::vector<Channel> before;
  before.swap(channels_);
  const auto limit = static_cast<size_t>(gateway_.holds().channels_per_connection);
  const auto take_over = [&](const std::string& name, const HoldChannel* wanted) {
    if (std::any_of(channels_.begin(), channels_.end(), [&](const auto& c) { return c.subscription.channel() == name; })) return;
    if (channels_.size() >= limit) {
      gateway_.counts.over_subscribed.add();
      return;
    }
    auto old = std::find_if(before.begin(), before.end(),
                            [&](const auto& c) { return c.subscription.active() && c.subscription.channel() == name; });
    if (old != before.end()) {
      channels_.push_back(std::move(*old));
    } else {
      add(name, owner.hold_kind());
    }
    auto& details = channels_.back().details;
    const Position last = details ? details->last : Position();
    details = wanted != nullptr ? details_of(*wanted) : nullptr;
    if (details) details->last = last;
  };
  for (const auto& name : implicit) take_over(name, nullptr);
  for (const auto& channel : instruct.channels) take_over(std::string(prefix) + channel.name, &channel);
  // New subscriptions exist before old ones go, so a channel that both have is never without a listener.
  for (auto& channel : before) {
    if (channel.subscription.active()) gateway_.hub().unsubscribe(channel.subscription, false);
  }
  before.clear();

  owner_ = &owner;
  check_continuity(asked_at, has_link, believe);
}

HoldChannels::Channel& HoldChannels::add(const std::string& name, HoldKind kind) {
  auto& channel = channels_.emplace_back(*this, kind);
  gateway_.hub().subscribe(channel.subscription, {name, std::nullopt});
  return channel;
}

std::unique_ptr<HoldChannels::Details> HoldChannels::details_of(const HoldChannel& wanted) {
  if (!wanted.prev_id && wanted.filters.empty()) return nullptr;
  auto details = std::make_unique<Details>();
  details->prev_id = wanted.prev_id;
  details->filters = wanted.filters;
  details->rewrites = changes_content(wanted.filters);
  return details;
}

void HoldChannels::subscribe(Owner& owner, std::string_view prefix, const HoldChannel& wanted, bool implicit) {
  owner_ = &owner;
  if (!prefix.empty()) more().prefix = prefix;
  const std::string name = std::string(prefix) + wanted.name;
  size_t index = index_of(std::string_view(name));
  if (index == channels_.size()) {
    if (channels_.size() >= static_cast<size_t>(gateway_.holds().channels_per_connection)) return gateway_.counts.over_subscribed.add();
    add(name, owner.hold_kind()).implicit = implicit;
  }
  channels_[index].details = details_of(wanted);
}

void HoldChannels::unsubscribe(std::string_view name) {
  const size_t index = index_of(name);
  if (index == channels_.size() || channels_[index].implicit) return;
  gateway_.hub().unsubscribe(channels_[index].subscription, false);
  channels_.erase(channels_.begin() + static_cast<std::ptrdiff_t>(index));
}

void HoldChannels::set_meta(const std::string& name, const std::optional<std::string>& value) {
  if (value) {
    more().meta[name] = *value;
  } else if (more_) {
    more_->meta.erase(name);
  }
}

void HoldChannels::check_continuity(WallTime asked_at, bool has_link, bool believe) {
  const bool automatic = gateway_.rerequest() == Rerequest::automatic;
  for (auto& channel : channels_) {
    const auto* details = channel.details.get();
    const bool has_id = details != nullptr && details->prev_id;
    if (!has_id && !(has_link && automatic)) continue;
    const std::string& name = channel.subscription.channel();
    const auto newest = gateway_.hub().last_id(name);
    if (has_id && newest && *newest == *details->prev_id) continue;
    // Another loop may have seen newer messages than this one: history knows, so it is asked in every mode.
    more().asked_at = asked_at;
    more_->believe = believe;
    ++more_->proofs;
    if (!channel.details) channel.details = std::make_unique<Details>();
    if (channel.live) {
      start_proof(channel);
    } else {
      channel.details->proof_due = true;
    }
  }
  if (more_ && more_->proofs == 0) hand_over();
}

// Only once the subscription is live: read before, history could end short of the first message that comes by itself.
void HoldChannels::on_subscribed(Subscription& subscription, Position) {
  auto& channel = channels_[index_of(subscription)];
  channel.live = true;
  if (!channel.details || !channel.details->proof_due) return;
  channel.details->proof_due = false;
  start_proof(channel);
}

void HoldChannels::start_proof(Channel& channel) {
  const std::string& name = channel.subscription.channel();
  gateway_.hub().prove(name, channel.details->prev_id.value_or(std::string()), more_->asked_at,
                       [this, alive = std::weak_ptr<char>(more_->alive), serial = more_->serial, name](HubShard::Continuity continuity) {
                         if (alive.lock()) proven(serial, name, std::move(continuity));
                       });
}

void HoldChannels::proven(size_t serial, const std::string& name, HubShard::Continuity continuity) {
  if (serial != more_->serial || owner_ == nullptr) return;
  const size_t index = index_of(name);
  if (index < channels_.size()) {
    if (!continuity.proven && !more_->believe) more_->unsure = true;
    // What history has goes before what arrived while it was read; positions tell what is in both.
    std::deque<Kept> missed;
    for (const auto& publication : continuity.missed) {
      if (auto item = HubShard::decode_item(*publication))
        missed.push_back({name, std::move(item), publication->position, publication->time < more_->asked_at});
    }
    std::move(more_->kept.begin(), more_->kept.end(), std::back_inserter(missed));
    more_->kept = std::move(missed);
  }
  if (--more_->proofs == 0) hand_over();
}

void HoldChannels::hand_over() {
  if (more_->unsure) {
    more_->unsure = false;
    more_->kept.clear();
    return owner_->on_unsure(true);
  }
  if (more_->kept.empty()) return;
  const std::weak_ptr<char> alive = more_->alive;
  auto kept = std::exchange(more_->kept, {});
  // A message that the backend's answer already covers carries its prev-id: what follows that one is new.
  for (const auto& channel : channels_) {
    if (!channel.details || !channel.details->prev_id) continue;
    const std::string& name = channel.subscription.channel();
    const auto covered = std::find_if(kept.rbegin(), kept.rend(),
                                      [&](const Kept& k) { return k.channel == name && k.item->id == channel.details->prev_id; });
    if (covered == kept.rend()) continue;
    const auto until = covered.base();
    kept.erase(std::remove_if(kept.begin(), until, [&](const Kept& k) { return k.channel == name; }), until);
  }
  for (auto& message : kept) {
    const size_t index = index_of(message.channel);
    if (index == channels_.size()) continue;
    // The backend was asked after this came and stands by its prev-id: to ask on would be a loop.
    if (message.old && more_->believe && !follows(index, *message.item)) continue;
    take(index, message.item, message.position, nullptr);
    if (alive.expired() || owner_ == nullptr) return;
  }
}

void HoldChannels::keep() {
  owner_ = nullptr;
  more().kept.clear();
  more().proofs = 0;
  ++more().serial;
}

void HoldChannels::close(bool linger) {
  for (auto& channel : channels_) gateway_.hub().unsubscribe(channel.subscription, linger);
  channels_.clear();
}

// ---- messages

void HoldChannels::on_message(Subscription& subscription, const Delivery& delivery) {
  const size_t index = channels_.size() == 1 ? 0 : index_of(subscription);
  if (owner_ != nullptr && !(more_ && more_->proofs > 0)) return take(index, delivery.shared_item(), delivery.position(), &delivery);
  auto& kept = more().kept;
  if (kept.size() >= static_cast<size_t>(gateway_.holds().queue_messages)) {
    gateway_.counts.queue_dropped.add();
    more_->unsure = true;
    kept.clear();
  }
  kept.push_back({subscription.channel(), delivery.shared_item(), delivery.position()});
}

void HoldChannels::take(size_t index, const ItemPtr& item, Position position, const Delivery* shared) {
  if (!owner_->wants(*item)) return;
  if (auto* details = channels_[index].details.get()) {
    const bool came = position.known() && position.epoch == details->last.epoch && position.offset <= details->last.offset;
    const bool chained = details->prev_id && !item->no_seq;
    if (chained && !follows(index, *item)) {
      if (!came) owner_->on_unsure(true);
      return;
    }
    if (chained) details->prev_id = item->id;  // of one that came too: the backend's is behind
    if (came) return;
    if (position.known()) details->last = position;
    if (!details->filters.empty() && !passes(details->filters, context(item.get(), index))) {
      gateway_.counts.filtered.add();
      return;
    }
  }
  owner_->on_item(*item, shared, *this, index);
}

bool HoldChannels::follows(size_t channel, const Item& item) const {
  const auto* details = channels_[channel].details.get();
  return details == nullptr || !details->prev_id || item.no_seq || item.prev_id == details->prev_id;
}

void HoldChannels::on_gap(Subscription&, Gap gap, Position) {
  if (owner_ == nullptr) {
    more().unsure = true;
    return;
  }
  owner_->on_gap(gap);
}

void HoldChannels::on_first_subscription(Subscription&) {
  if (owner_ != nullptr && gateway_.rerequest() == Rerequest::always) owner_->on_unsure(false);
}

std::string_view HoldChannels::rate_group() const { return group_; }

// ---- facts

size_t HoldChannels::index_of(const Subscription& subscription) const {
  size_t i = 0;
  while (i < channels_.size() && &channels_[i].subscription != &subscription) ++i;
  return i;
}

size_t HoldChannels::index_of(std::string_view channel) const {
  size_t i = 0;
  while (i < channels_.size() && channels_[i].subscription.channel() != channel) ++i;
  return i;
}

std::string_view HoldChannels::backend_name(std::string_view channel) const {
  if (more_ && channel.starts_with(more_->prefix)) channel.remove_prefix(more_->prefix.size());
  return channel;
}

std::vector<std::pair<std::string, std::string>> HoldChannels::last_ids() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& channel : channels_) {
    if (!channel.details || !channel.details->prev_id) continue;
    const std::string& name = channel.subscription.channel();
    out.emplace_back(backend_name(name), *channel.details->prev_id);
    gateway_.hub().forget_last_id(name);
  }
  return out;
}

const std::vector<std::string>& HoldChannels::filters(size_t channel) const {
  const auto* details = channels_[channel].details.get();
  return details != nullptr ? details->filters : kNoFilters;
}

std::vector<std::string> HoldChannels::all_filters() const {
  std::vector<std::string> out;
  for (size_t i = 0; i < channels_.size(); ++i) out.insert(out.end(), filters(i).begin(), filters(i).end());
  return out;
}

FilterContext HoldChannels::context(const Item* item, size_t index) const {
  static const Meta kNone;
  FilterContext context;
  context.subscription_meta = more_ ? &more_->meta : &kNone;
  context.message_meta = item != nullptr ? &item->meta : nullptr;
  context.subscribed = [this](std::string_view name) {
    return std::any_of(channels_.begin(), channels_.end(), [&](const auto& c) { return backend_name(c.subscription.channel()) == name; });
  };
  context.last_id = [this, item, index](std::string_view name) {
    for (size_t i = 0; i < channels_.size(); ++i) {
      if (backend_name(channels_[i].subscription.channel()) != name) continue;
      if (i == index && item != nullptr && item->id) return *item->id;
      const auto* details = channels_[i].details.get();
      return details != nullptr && details->prev_id ? *details->prev_id : std::string();
    }
    return std::string();
  };
  return context;
}

bool HoldChannels::rewrites(size_t channel) const {
  const auto* details = channels_[channel].details.get();
  return details != nullptr && details->rewrites;
}

std::optional<std::string> HoldChannels::rewrite(const Item& item, size_t channel, std::string_view content) const {
  auto out = apply(filters(channel), context(&item, channel), content);
  if (!out) return std::nullopt;
  return std::move(*out);
}

bool HoldChannels::any_prev_id() const {
  return std::any_of(channels_.begin(), channels_.end(), [](const auto& c) { return c.details && c.details->prev_id; });
}

std::vector<std::string> HoldChannels::names() const {
  std::vector<std::string> out;
  for (const auto& channel : channels_) {
    if (channel.subscription.active()) out.push_back(channel.subscription.channel());
  }
  return out;
}

bool HoldChannels::any_active() const { return !channels_.empty(); }

}  // namespace holdfast
