#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/grip/instruct.h"
#include "gateway/hub/hub.h"
#include "gateway/message/filters.h"
#include "gateway/session/session.h"

namespace holdfast {

class Gateway;
using ItemPtr = std::shared_ptr<const Item>;

// The channels that one GRIP hold listens to, with what the backend said about each: prev-id and filters. It decides which messages are the
// hold's, in which order, and when the backend must be asked again. While that goes on it stays subscribed and keeps what arrives, so that
// nothing is lost between two answers of the backend. Threads: its loop.
class HoldChannels final : public Listener {
 public:
  // The hold. Each call may destroy the owner (and this).
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual HoldKind hold_kind() const = 0;
    virtual bool wants(const Item& item) const = 0;  // has the format this hold needs
    // `shared`: null when the message was kept and comes now.
    virtual void on_item(const Item& item, const Delivery* shared, HoldChannels& channels, size_t channel) = 0;
    // The backend knows better: it must be asked.
    virtual void on_unsure(bool at_once) = 0;
    // The hub may have missed something.
    virtual void on_gap(Gap gap) = 0;
  };

  // `group`: the route's id, for the delivery rate; must live as long as the gateway.
  HoldChannels(Gateway& gateway, const std::string& group) : gateway_(gateway), group_(group) {}

  // Listens to exactly these channels from now on: those that it had stay subscribed. `prefix` and `implicit` are the route's and the
  // target's. Then checks continuity as the gateway's re-request setting says, and hands over what was kept. `has_link`: the backend can be
  // asked.
  void listen(Owner& owner, const Instruct& instruct, std::string_view prefix, const std::vector<std::string>& implicit, WallTime asked_at,
              bool has_link, bool believe);
  // One channel more or less, for holds whose backend says so as it goes (WebSockets). `implicit` ones are the target's and stay; `prefix`
  // is the route's. A channel that is listened to already takes the new filters.
  void subscribe(Owner& owner, std::string_view prefix, const HoldChannel& wanted, bool implicit);
  void unsubscribe(std::string_view name);
  void set_meta(const std::string& name, const std::optional<std::string>& value);
  // The owner goes; messages are kept for the next listen(). What was kept before is dropped: the backend is asked after it.
  void keep();
  void close(bool linger);

  // For Grip-Last: the channels that have an id, as the backend names them. Forgets the hub's newest id of each, so that the next answer is
  // believed.
  std::vector<std::pair<std::string, std::string>> last_ids();
  // Filters of a channel, and their context for one message or for a reply.
  const std::vector<std::string>& filters(size_t channel) const;
  std::vector<std::string> all_filters() const;
  FilterContext context(const Item* item, size_t channel) const;
  // The content after the filters that change content; nullopt: the filters failed.
  std::optional<std::string> rewrite(const Item& item, size_t channel, std::string_view content) const;
  bool rewrites(size_t channel) const;
  bool any_prev_id() const;
  bool any_active() const;
  std::vector<std::string> names() const;

 private:
  struct Details {
    std::optional<std::string> prev_id;
    std::vector<std::string> filters;
    bool rewrites = false;
    bool proof_due = false;  // continuity is asked for once the subscription is live
    Position last;           // newest message that was taken, to drop what comes twice; whatever the backend says meanwhile
  };
  struct Channel {
    Channel(Listener& listener, HoldKind kind) : subscription(listener, static_cast<uint8_t>(kind)) {}
    Subscription subscription;
    bool live = false;
    bool implicit = false;
    std::unique_ptr<Details> details;  // null for a plain channel
  };
  struct Kept {
    std::string channel;
    ItemPtr item;
    Position position;
    bool old = false;  // published before the backend was asked
  };

  void on_subscribed(Subscription& subscription, Position top) override;
  void on_message(Subscription& subscription, const Delivery& delivery) override;
  void on_gap(Subscription& subscription, Gap gap, Position top) override;
  void on_first_subscription(Subscription& subscription) override;
  std::string_view rate_group() const override;

  Channel& add(const std::string& name, HoldKind kind);
  static std::unique_ptr<Details> details_of(const HoldChannel& wanted);
  size_t index_of(const Subscription& subscription) const;
  size_t index_of(std::string_view channel) const;
  std::string_view backend_name(std::string_view channel) const;
  void take(size_t channel, const ItemPtr& item, Position position, const Delivery* shared);
  void check_continuity(WallTime asked_at, bool has_link, bool believe);
  void start_proof(Channel& channel);
  void proven(size_t serial, const std::string& channel, HubShard::Continuity continuity);
  void hand_over();
  bool follows(size_t channel, const Item& item) const;

  Gateway& gateway_;
  const std::string& group_;
  Owner* owner_ = nullptr;  // null: keeping
  std::vector<Channel> channels_;
  // Beyond the plain case.
  struct More {
    std::string prefix;
    Meta meta;
    std::deque<Kept> kept;
    size_t proofs = 0;  // under way: messages are kept
    bool unsure = false;
    bool believe = false;  // the backend was asked again already: its answer stands
    WallTime asked_at;
    std::shared_ptr<char> alive = std::make_shared<char>();  // answers that come later look at it first
    size_t serial = 0;                                       // of listen(): answers to older ones are ignored
  };
  More& more();
  std::unique_ptr<More> more_;
};

}  // namespace holdfast
