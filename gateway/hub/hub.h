#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/metrics.h"
#include "gateway/base/options.h"
#include "gateway/base/rendering.h"
#include "gateway/base/timers.h"
#include "gateway/broker/broker.h"
#include "gateway/message/item.h"

namespace holdfast {

// The hub knows who listens to which channel on this node. It has two halves:
//   HubShard   one per loop: channels and their listeners, order by prev-id, duplicates, catching up from history, fan-out;
//   Hub        one per node: the interest table (channel -> loops with listeners) and the node's subscriptions at the broker.

struct HubOptions {
  Duration reorder_wait{5000};          // how long a message waits for the one its prev-id names
  Duration id_cache_ttl{60000};         // 0: duplicates are not looked for
  Duration subscription_linger{60000};  // how long a channel without listeners keeps its broker subscription and id memory
  int64_t rate = 0;                     // deliveries per second and route id; 0: no limit
  int64_t high_water_mark = 25000;      // deliveries that may wait for the rate
  int64_t max_waiting = 100;            // out-of-order messages held per channel
  int64_t catch_up_limit = 1000;        // messages replayed to one listener
};
void declare(OptionSet& set, HubOptions& options);  // section "delivery"

// One message on its way to the listeners of one loop. Lives as long as the calls it is given to; keep the item, not this.
class Delivery {
 public:
  Delivery(std::shared_ptr<const Item> item, const Publication& publication) : item_(std::move(item)), publication_(publication) {}

  const Item& item() const { return *item_; }
  const std::shared_ptr<const Item>& shared_item() const { return item_; }
  Position position() const { return publication_.position; }
  // By the node that took it, to the microsecond; of a foreign producer's by the broker. What came over the wire may be any number.
  WallTime published() const {
    constexpr int64_t kYear2100 = 4'102'444'800'000'000;
    const int64_t at = item_->origin.at;
    return at > 0 && at < kYear2100 ? WallTime(std::chrono::microseconds(at)) : publication_.time;
  }

  // Renderings that many listeners share, made by the first that needs one. `shape` is the session's own small number.
  static constexpr size_t kShapes = 5;
  std::shared_ptr<const Rendering>& rendering(size_t shape) const { return renderings_[shape]; }

 private:
  std::shared_ptr<const Item> item_;
  const Publication& publication_;
  mutable std::shared_ptr<const Rendering> renderings_[kShapes];
};

// Why a listener may have missed something.
enum class Gap {
  history_lost,  // what followed the listener's position is no longer kept
  other_epoch,   // the channel's history began anew since
  ahead,         // the listener's position is ahead of the channel's
  broker,        // the broker may have dropped something
  overflow,      // more than this node may hold for it
};
const char* to_string(Gap gap);

class Subscription;

// Somebody who listens: a held connection. Threads: called on the shard's loop, never from inside subscribe() or unsubscribe().
// A listener may unsubscribe (itself or others) and be destroyed from inside any of these calls.
class Listener {
 public:
  virtual ~Listener() = default;
  // The subscription is live: from now on every message of the channel comes. `top` is where the channel stands (unknown: no history).
  virtual void on_subscribed(Subscription& subscription, Position top) { (void)subscription, (void)top; }
  virtual void on_message(Subscription& subscription, const Delivery& delivery) = 0;
  // Said before any later message. `top`: what follows comes after it.
  virtual void on_gap(Subscription& subscription, Gap gap, Position top) = 0;
  // About a second after a channel got its first listener on this node, said once to each that listens then: messages may have passed
  // while the subscription was being made (Pushpin asks the backend again here; applications rely on it).
  virtual void on_first_subscription(Subscription& subscription) { (void)subscription; }
  // Deliveries are counted against HubOptions::rate per group (the route's id).
  virtual std::string_view rate_group() const { return {}; }
};

class HubShard;
struct HubChannel;  // one channel on one loop; hub's own

// One listener's place on one channel; embedded in the listener. Destroying it unsubscribes. Cost: 32 bytes and 8 in the channel.
class Subscription {
 public:
  Subscription() = default;
  // `kind`: the session's own small number, below kKinds; listeners are counted by it.
  explicit Subscription(Listener& listener, uint8_t kind = 0) : listener_(&listener), kind_(kind) {}
  Subscription(Subscription&& other) noexcept;
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription();

  static constexpr size_t kKinds = 4;

  bool active() const { return channel_ != nullptr; }
  const std::string& channel() const;  // only while active

 private:
  friend class HubShard;
  Listener* listener_ = nullptr;
  HubChannel* channel_ = nullptr;
  uint32_t index_ = 0;
  bool live_ = false;        // confirmed, caught up: takes live messages
  bool queued_ = false;      // may have deliveries that wait for the rate
  bool overflowed_ = false;  // lost some of those: a gap is due
  uint8_t kind_ = 0;
};

// Hears of listeners as they come and go. Threads: called on each loop; must not block.
class ListenerWatcher {
 public:
  virtual ~ListenerWatcher() = default;
  // One more, or one less.
  virtual void on_listener(const std::string& channel, uint8_t kind, bool more) = 0;
  // The node's interest in the channel may have changed: ask Hub::listened(). It lasts through a response hold's linger.
  virtual void on_interest(const std::string& channel) = 0;
};

struct SubscribeRequest {
  std::string_view channel;
  // Replay what came after this position before anything live. A gap is told if that cannot be proven complete.
  std::optional<Position> since;
};

class Hub;
class RateGroups;

// Threads: everything on its loop. The constructor's `post` may be called from any thread until the destructor has returned.
class HubShard {
 public:
  // `post` runs a function on this shard's loop later; it is the only member used from other threads.
  HubShard(Hub& hub, size_t index, Timers& timers, std::function<void(std::function<void()>)> post, const HubOptions& options,
           Metrics& metrics);
  ~HubShard();
  HubShard(const HubShard&) = delete;
  HubShard& operator=(const HubShard&) = delete;

  // The subscription must stay where it is while active. on_subscribed follows, later, then (with `since`) what was missed, then live
  // messages.
  void subscribe(Subscription& subscription, const SubscribeRequest& request);
  // At once: nothing more comes. With `linger` the channel keeps its broker subscription and id memory for a while.
  void unsubscribe(Subscription& subscription, bool linger);

  // The newest id of the channel's ordered messages. nullopt: nothing is remembered.
  std::optional<std::string> last_id(std::string_view channel) const;
  void forget_last_id(std::string_view channel);
  // Forgets every id (the recover command).
  void forget_all_ids();

  // Whether the node can prove that a listener whose backend knew `prev_id` (empty: none given) when it answered a request begun at
  // `since_time` has missed nothing on this channel, and what it missed if history has it. Answers later, on this loop, once.
  struct Continuity {
    bool proven = false;
    std::vector<PublicationPtr> missed;  // to be delivered first, in order
  };
  void prove(std::string_view channel, std::string prev_id, WallTime since_time, std::function<void(Continuity)> done);
  // Decodes a publication got from prove(); null if it is garbage.
  static std::shared_ptr<const Item> decode_item(const Publication& publication);

  size_t channels() const;
  size_t subscriptions() const;
  using Counts = std::array<size_t, Subscription::kKinds>;
  // Of one channel, by walking through its listeners; or of each whose name begins so and that has any of a kind but 0, up to `most`.
  Counts listeners(std::string_view channel) const;
  std::vector<std::pair<std::string, Counts>> listed(std::string_view prefix, size_t most) const;

  // Called after a live message was handed to the last of its listeners on this loop, with the time at which it was published. What is
  // replayed from history is not told. Before the loop runs.
  using Delivered = std::function<void(const Delivery& delivery, size_t listeners)>;
  void on_delivered(Delivered told);

  // From Hub, on this shard's loop.
  void deliver(const PublicationPtr& publication);
  void gap(const std::string& channel);
  void broker_back();
  void confirmed(const std::string& channel, bool first_on_node);
  // Around the mail of one turn of the loop: when it is over the rest comes in a later turn, and a fan-out that was cut goes on there.
  // Outside of a turn deliver() reaches all listeners at once.
  void begin_turn(size_t deliveries);
  bool turn_over();
  void end_turn();
  // Has the hub look at the channel again.
  void revisit_in(const std::string& channel, Duration delay);
  TimePoint now() const;
  std::weak_ptr<void> alive() const;  // expired once the shard is gone; for what was posted to its loop

 private:
  friend class Subscription;
  void move(Subscription& from, Subscription& to);

  struct State;
  std::unique_ptr<State> state_;
};

// Threads: thread-safe. Implements the sink that the adapter fills.
class Hub final : public BrokerSink {
 public:
  Hub(Broker& broker, const HubOptions& options, Metrics& metrics);
  ~Hub() override;

  // All shards (at most 64) are added before the broker is started and live until it is stopped. A shard takes itself out when it goes; the
  // hub outlives its shards.
  void add(HubShard& shard, size_t index, std::function<void(std::function<void()>)> post);

  // From shards: this loop has a first / no listener on the channel. join is answered by HubShard::confirmed on that loop.
  void join(size_t shard, const std::string& channel);
  void leave(size_t shard, const std::string& channel);
  void revisit(size_t shard, const std::vector<std::string>& channels);
  void remove(size_t shard);
  RateGroups& rates();

  bool healthy() const;
  // What waits for a loop, and how much may.
  size_t mail(size_t shard) const;
  static size_t most_mail();
  int64_t rates_waiting() const;  // of the rate group that has most
  // Before the loops run. Null: nobody watches.
  void watch(ListenerWatcher* watcher);
  ListenerWatcher* watcher() const;
  bool listened(std::string_view channel) const;  // by anybody on this node
  // Called whenever listeners of a channel are told of a gap, on their loop; must not block. Before the loops run.
  using GapTold = std::function<void(const std::string& channel, Gap gap, size_t listeners)>;
  void on_gap_told(GapTold told);
  void gap_told(const std::string& channel, Gap gap, size_t listeners) const;  // from shards
  Broker& broker() { return broker_; }

  void on_publication(PublicationPtr publication) override;
  void on_gap(const std::string& channel) override;
  void on_health(bool healthy, const std::string& reason) override;

 private:
  struct State;
  Broker& broker_;
  std::shared_ptr<State> state_;  // shared with completions that the broker still owes
};

}  // namespace holdfast
