#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/hub/channel.h"
#include "gateway/hub/hub.h"
#include "gateway/hub/id_cache.h"
#include "gateway/hub/rate_queue.h"

namespace holdfast {

// Where a listener stands who has everything before this message. The broker may not know the message before it.
inline Position before(const Publication& publication) {
  if (publication.previous.known() || !publication.position.known()) return publication.previous;
  return {publication.position.epoch, publication.position.offset - 1};
}

// The inside of a shard. Threads: its loop, all of it; only Door is shared with others.
//
// Re-entrance: listeners are called from the loops over HubChannel::live, and may subscribe, unsubscribe, destroy themselves or others.
// While such a loop runs (HubChannel::walks > 0) slots keep their places: a leaver leaves a null, a newcomer goes to the end, behind what
// the loop visits. So each listener gets a message at most once and none is skipped. Walk closes the holes, and drops the channel if
// nobody is left. No listener call leads into deliver(), gap(), confirmed() or a timer.
struct HubShard::State {
  // The way back to the loop for completions that come on the broker's threads. Closed by the shard's destructor: afterwards nothing is
  // posted, even if the broker still answers.
  struct Door {
    std::mutex mutex;
    std::function<void(std::function<void()>)> post;  // null: closed
    void send(std::function<void()> work) {
      std::lock_guard lock(mutex);
      if (post) post(std::move(work));
    }
  };
  class Walk {
   public:
    Walk(State& state, HubChannel& channel) : state_(state), channel_(channel) { ++channel_.walks; }
    ~Walk() { state_.end_walk(channel_); }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

   private:
    State& state_;
    HubChannel& channel_;
  };
  // One message on its way through a channel's listeners.
  struct FanOut {
    HubChannel* channel;
    PublicationPtr publication;
    Delivery delivery;
    size_t next;
    size_t end;
  };
  // What a listener that comes back is sent; made once for all that come from the same position.
  struct Replay {
    std::optional<Gap> gap;
    Position after;  // what follows the gap comes after it
    struct Message {
      PublicationPtr publication;
      std::optional<Delivery> delivery;  // none: garbage
    };
    std::vector<Message> messages;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  State(HubShard& owner, Hub& node, size_t number, Timers& loop_timers, std::function<void(std::function<void()>)> post,
        const HubOptions& hub_options, Metrics& metrics);
  ~State();

  // shard.cpp: channels and their listeners
  HubChannel* find(std::string_view name) const;
  HubChannel* find(const std::string& name, uint64_t serial) const;
  HubChannel& channel(std::string_view name);
  void remove(Subscription& subscription, bool linger);
  void move(Subscription& from, Subscription& to);
  void emptied(HubChannel& channel);
  void retire(HubChannel& channel);
  void end_walk(HubChannel& channel);
  Subscription* take_pending(HubChannel& channel, size_t index);
  void queue_settle(HubChannel& channel);
  void settle_queued();
  void later(void (State::*call)(HubChannel&, uint64_t, Result<HistoryPage>), HubChannel& channel, uint64_t id, Position since,
             size_t limit);
  History* history() const;
  static Counts count(const HubChannel& channel);

  // deliver.cpp: what comes from the broker
  void take(HubChannel& channel, const PublicationPtr& publication);
  void accept(HubChannel& channel, const PublicationPtr& publication);
  void remember(HubChannel& channel, RecentMessage message);
  void keep(HubChannel& channel, PublicationPtr publication);
  void drain(HubChannel& channel);
  void send(HubChannel& channel, std::vector<Sequencer::Message>& messages);
  void send_waiting_before_gap(HubChannel& channel);
  void arm_reorder(HubChannel& channel);
  void fan_out(HubChannel& channel, std::shared_ptr<const Item> item, const PublicationPtr& publication);
  bool run(FanOut& walk);
  void finish_paused();
  void tell_gap(HubChannel& channel, Gap gap, Position top);
  void count_gap(const HubChannel& channel, Gap gap, size_t listeners);
  void tell_first(HubChannel& channel);

  // repair.cpp: a broken chain
  void suspect(HubChannel& channel);
  void filled(HubChannel& channel, uint64_t id, Result<HistoryPage> page);
  void jump(HubChannel& channel, Gap gap, Position to);
  void broker_back();
  // Why what follows `since` cannot be proven complete by this page; none if it can. `usable`: its messages may be sent after the gap.
  std::optional<Gap> gap_in(const HistoryPage& page, Position since, bool& usable) const;

  // catch_up.cpp: from subscribed to live
  void open(HubChannel& channel, Position top);
  void settle(HubChannel& channel);
  bool settle_once(HubChannel& channel);
  CatchUp& catch_up(HubChannel& channel, Position since);
  void read(HubChannel& channel, CatchUp& reading);
  void read_done(HubChannel& channel, uint64_t id, Result<HistoryPage> page);
  bool settle_caught_up(HubChannel& channel);
  static bool knows(CatchUp& reading, Position position);
  std::optional<Replay> replay_of(HubChannel& channel, CatchUp& reading);
  void fill_replay(HubChannel& channel, Replay& replay, const HistoryPage& page, Position since);
  void admit(HubChannel& channel, size_t at, const Replay* replay);

  // prove.cpp
  struct Proof;
  void read_for_proof(std::shared_ptr<Proof> proof, Position since);
  void answer(std::shared_ptr<Proof> proof, Continuity continuity);

  // rate_queue.cpp
  bool run_rated(FanOut& walk);
  void send_rated();
  void purge_rated(const Subscription& subscription);
  void tell_gap_rated(Subscription& subscription, Gap gap, Position top);

  HubShard& shard;
  Hub& hub;
  const size_t index;
  Timers& timers;
  const HubOptions options;
  std::shared_ptr<Door> door;
  std::shared_ptr<char> alive = std::make_shared<char>();  // for what was posted
  std::unordered_map<std::string, std::unique_ptr<HubChannel>, Hash, std::equal_to<>> channels;
  size_t subscriptions = 0;
  uint64_t next_serial = 0;
  IdCache ids;
  std::vector<HubChannel*> to_settle;
  std::optional<FanOut> paused;
  size_t budget = SIZE_MAX;                      // deliveries until the loop gets its turn
  std::unique_ptr<RateQueue> rated;              // null: no rate
  std::multimap<TimePoint, std::string> agenda;  // channels that the hub wants to look at again
  CallbackTimer agenda_timer;
  Delivered delivered;  // null: nobody wants to know
  std::minstd_rand random;

  Count& subscription_gauge;
  Count& duplicates;
  Count& garbage;
  Count& rate_dropped;
  Count* gaps[5];
};

}  // namespace holdfast
