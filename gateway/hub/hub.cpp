#include "gateway/hub/hub.h"

#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <utility>

#include "gateway/base/log.h"
#include "gateway/hub/interest.h"
#include "gateway/hub/mailbox.h"
#include "gateway/hub/rates.h"

namespace holdfast {

namespace {
// A page that is reloaded leaves and comes back: the broker need not hear of it.
constexpr Duration kQuietBeforeUnsubscribe{2000};
constexpr Duration kFirstRetry{100};
constexpr Duration kLastRetry{5000};
// Deliveries in one turn of a loop; a few tenths of a millisecond.
constexpr size_t kTurn = 4096;
constexpr size_t kMostLoops = 64;
}  // namespace

const char* to_string(Gap gap) {
  switch (gap) {
    case Gap::history_lost:
      return "history_lost";
    case Gap::other_epoch:
      return "other_epoch";
    case Gap::ahead:
      return "ahead";
    case Gap::broker:
      return "broker";
    case Gap::overflow:
      return "overflow";
  }
  return "unknown";
}

void declare(OptionSet& set, HubOptions& options) {
  const OptionSet::Section section(set, "delivery");
  set.duration("reorder_wait", options.reorder_wait, "How long a message waits for the one that its prev-id names.").range(0, 600'000);
  set.duration("id_cache_ttl", options.id_cache_ttl, "How long a message id is remembered to drop duplicates; 0 never drops.")
      .range(0, 3'600'000);
  set.duration("subscription_linger", options.subscription_linger,
               "How long a channel stays subscribed after the last response hold on it ended.")
      .range(0, 3'600'000);
  set.integer("rate", options.rate, "Deliveries per second and route on one node; 0 is no limit.").range(0, 1'000'000'000);
  set.integer("high_water_mark", options.high_water_mark, "Deliveries per route that may wait for the rate; more are dropped.")
      .range(0, 100'000'000);
  set.integer("max_waiting", options.max_waiting, "Messages per channel that may wait for the ones their prev-ids name.").range(0, 100'000);
  set.integer("catch_up_limit", options.catch_up_limit, "Most messages replayed to a client that comes back; beyond, it is told of a gap.")
      .range(0, 100'000);
}

// Threads: `loops` is filled before the broker starts; after that its elements are used so: box from any thread, the rest on the loop.
struct Hub::State {
  struct Loop {
    std::shared_ptr<Mailbox> box;
    HubShard* shard = nullptr;
    std::weak_ptr<void> alive;
    std::vector<Mail> taken;
    size_t next = 0;
  };

  State(Broker& to, const HubOptions& options, Metrics& metrics)
      : broker(to),
        rates(options.rate, options.high_water_mark),
        channels(metrics.gauge("holdfast_channels", "Channels with listeners, counted once per loop that has some.")),
        received(metrics.counter("holdfast_publications_received_total", "Publications that came from the broker.")),
        mail_dropped(
            metrics.counter("holdfast_deliveries_dropped_total", "Deliveries that were not made, by reason.", {{"reason", "loop"}})),
        up(metrics.gauge("holdfast_broker_up", "Whether the broker is reachable: 1 or 0.")),
        outages(metrics.counter("holdfast_broker_outages_total", "Times that the broker ceased to be reachable.")) {}

  void put(size_t loop, Mail mail) {
    auto& box = loops[loop].box;
    if (box && !box->put(std::move(mail))) mail_dropped.add();
  }
  template <class Make>
  void put_each(uint64_t mask, Make make) {
    for (; mask != 0; mask &= mask - 1) put(static_cast<size_t>(std::countr_zero(mask)), make());
  }
  // The loop on which the channel's next step is timed.
  void look_again(uint64_t mask, const std::string& channel, Duration delay) {
    put(mask != 0 ? static_cast<size_t>(std::countr_zero(mask)) : some_loop, Mail{Mail::Kind::revisit, nullptr, channel, delay});
  }

  static void subscribe(const std::shared_ptr<State>& self, std::vector<std::string> names);
  static void unsubscribe(const std::shared_ptr<State>& self, std::vector<std::string> names);
  void subscribed(const std::vector<std::string>& names, const Result<void>& result);
  void turn(size_t index);
  void handle(Loop& loop, size_t index, const Mail& mail);

  Broker& broker;
  Interest interest;
  ListenerWatcher* watcher = nullptr;
  GapTold gap_told;  // null: nobody wants to know
  RateGroups rates;
  std::array<Loop, kMostLoops> loops;
  size_t some_loop = 0;
  std::atomic<bool> healthy{false};
  std::atomic<bool> health_known{false};
  std::atomic<bool> failing{false};  // a subscribe failed and none succeeded since: logged once
  Count& channels;
  Count& received;
  Count& mail_dropped;
  Count& up;
  Count& outages;
};

Hub::Hub(Broker& broker, const HubOptions& options, Metrics& metrics)
    : broker_(broker), state_(std::make_shared<State>(broker, options, metrics)) {}

Hub::~Hub() {
  for (auto& loop : state_->loops) {
    if (loop.box) loop.box->close();
  }
}

void Hub::add(HubShard& shard, size_t index, std::function<void(std::function<void()>)> post) {
  auto& loop = state_->loops.at(index);
  loop.shard = &shard;
  loop.alive = shard.alive();
  loop.box = std::make_shared<Mailbox>(std::move(post));
  loop.box->set_wake([state = std::weak_ptr<State>(state_), index] {
    if (const auto locked = state.lock()) locked->turn(index);
  });
  state_->some_loop = index;
}

void Hub::remove(size_t shard) {
  if (auto& box = state_->loops.at(shard).box) box->close();
}

RateGroups& Hub::rates() { return state_->rates; }

size_t Hub::mail(size_t shard) const {
  const auto& box = state_->loops.at(shard).box;
  return box ? box->size() : 0;
}
int64_t Hub::rates_waiting() const { return state_->rates.fullest(); }
size_t Hub::most_mail() { return Mailbox::kMost; }

// ---- interest

void Hub::join(size_t shard, const std::string& channel) {
  const auto joined = state_->interest.join(shard, channel);
  if (state_->watcher != nullptr) state_->watcher->on_interest(channel);
  state_->channels.add();
  if (joined.confirmed) state_->put(shard, Mail{Mail::Kind::confirmed, nullptr, channel, {}});
  if (joined.call == Interest::Call::subscribe) State::subscribe(state_, {channel});
}

void Hub::leave(size_t shard, const std::string& channel) {
  state_->channels.sub();
  HubShard& on = *state_->loops.at(shard).shard;
  if (!state_->interest.leave(shard, channel, on.now())) return;
  on.revisit_in(channel, kQuietBeforeUnsubscribe);
  if (state_->watcher != nullptr) state_->watcher->on_interest(channel);
}

void Hub::revisit(size_t shard, const std::vector<std::string>& channels) {
  const TimePoint now = state_->loops.at(shard).shard->now();
  std::vector<std::string> wanted;
  std::vector<std::string> unwanted;
  for (const auto& channel : channels) {
    const auto call = state_->interest.revisit(channel, now, kQuietBeforeUnsubscribe);
    if (call == Interest::Call::subscribe) wanted.push_back(channel);
    if (call == Interest::Call::unsubscribe) unwanted.push_back(channel);
  }
  if (!wanted.empty()) State::subscribe(state_, std::move(wanted));
  if (!unwanted.empty()) State::unsubscribe(state_, std::move(unwanted));
}

void Hub::State::subscribe(const std::shared_ptr<State>& self, std::vector<std::string> names) {
  self->broker.subscribe(names, [self, names](Result<void> result) { self->subscribed(names, result); });
}

void Hub::State::subscribed(const std::vector<std::string>& names, const Result<void>& result) {
  if (failing.exchange(!result.has_value()) == result.has_value()) {
    if (result) {
      log::info("The broker takes subscriptions again.");
    } else {
      log::warn("The broker refuses subscriptions; they are retried.", {{"reason", result.error().text}});
    }
  }
  for (const auto& name : names) {
    const auto now = interest.subscribed(name, result.has_value());
    if (result && now.loops != 0) {
      put_each(now.loops, [&] { return Mail{Mail::Kind::confirmed_first, nullptr, name, {}}; });
    } else {
      Duration wait = kQuietBeforeUnsubscribe;
      if (!result) wait = std::min(kLastRetry, kFirstRetry * (1 << std::min(now.failures, 6)));
      look_again(now.loops, name, wait);
    }
  }
}

void Hub::State::unsubscribe(const std::shared_ptr<State>& self, std::vector<std::string> names) {
  self->broker.unsubscribe(names, [self, names](Result<void> result) {
    std::vector<std::string> wanted;
    for (const auto& name : names) {
      const auto call = self->interest.unsubscribed(name, result.has_value());
      if (call == Interest::Call::subscribe) wanted.push_back(name);
      if (call == Interest::Call::unsubscribe) self->look_again(0, name, kQuietBeforeUnsubscribe);
    }
    if (!wanted.empty()) subscribe(self, std::move(wanted));
  });
}

// ---- mail for the loops

void Hub::State::turn(size_t index) {
  Loop& loop = loops[index];
  if (loop.alive.expired()) return;
  loop.shard->begin_turn(kTurn);
  while (!loop.shard->turn_over()) {
    if (loop.next == loop.taken.size()) {
      loop.taken.clear();
      loop.next = 0;
      loop.box->take(loop.taken);
      if (loop.taken.empty()) return loop.shard->end_turn();
    }
    const Mail mail = std::move(loop.taken[loop.next++]);
    handle(loop, index, mail);
  }
  loop.shard->end_turn();
  loop.box->again();
}

void Hub::State::handle(Loop& loop, size_t index, const Mail& mail) {
  switch (mail.kind) {
    case Mail::Kind::publication:
      return loop.shard->deliver(mail.publication);
    case Mail::Kind::gap:
      return loop.shard->gap(mail.channel);
    case Mail::Kind::broker_back:
      return loop.shard->broker_back();
    case Mail::Kind::revisit:
      return loop.shard->revisit_in(mail.channel, mail.delay);
    case Mail::Kind::confirmed:
    case Mail::Kind::confirmed_first:
      // The loop may have left and come back since this was said; only the present state counts. Another confirmation follows if it is
      // not live now.
      if (interest.confirmed(index, mail.channel)) loop.shard->confirmed(mail.channel, mail.kind == Mail::Kind::confirmed_first);
      return;
  }
}

// ---- from the broker

void Hub::on_publication(PublicationPtr publication) {
  state_->received.add();
  uint64_t mask = state_->interest.loops(publication->channel);
  for (; mask != 0; mask &= mask - 1) {
    const auto loop = static_cast<size_t>(std::countr_zero(mask));
    const bool last = (mask & (mask - 1)) == 0;
    state_->put(loop, Mail{Mail::Kind::publication, last ? std::move(publication) : publication, {}, {}});
  }
}

void Hub::on_gap(const std::string& channel) {
  state_->put_each(state_->interest.loops(channel), [&] { return Mail{Mail::Kind::gap, nullptr, channel, {}}; });
}

void Hub::on_gap_told(GapTold told) { state_->gap_told = std::move(told); }
void Hub::gap_told(const std::string& channel, Gap gap, size_t listeners) const {
  if (state_->gap_told) state_->gap_told(channel, gap, listeners);
}

void Hub::watch(ListenerWatcher* watcher) { state_->watcher = watcher; }
ListenerWatcher* Hub::watcher() const { return state_->watcher; }
bool Hub::listened(std::string_view channel) const { return state_->interest.loops(channel) != 0; }

bool Hub::healthy() const { return state_->healthy.load(std::memory_order_relaxed); }

void Hub::on_health(bool healthy, const std::string& reason) {
  const bool known = state_->health_known.exchange(true);
  const bool before = state_->healthy.exchange(healthy);
  if (before != healthy) state_->up.add(healthy ? 1 : -1);
  if (before && !healthy) state_->outages.add();
  if (before == healthy && known) return;
  if (healthy) {
    log::info("The broker is reachable.", {{"detail", reason}});
    for (size_t i = 0; i < state_->loops.size(); ++i) state_->put(i, Mail{Mail::Kind::broker_back, nullptr, {}, {}});
  } else {
    log::warn("The broker is not reachable.", {{"reason", reason}});
  }
}

}  // namespace holdfast
