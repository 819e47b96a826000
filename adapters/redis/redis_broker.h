#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "adapters/redis/redis_options.h"
#include "adapters/redis/redis_shard.h"
#include "adapters/redis/slots.h"
#include "adapters/support/inbox.h"
#include "adapters/support/worker.h"
#include "gateway/base/metrics.h"
#include "gateway/broker/broker.h"

namespace holdfast {

// Redis: one primary, at an address or wherever Sentinels say, or the primaries of a Redis Cluster.
// Promise: ordered, exact resume while history holds it. A fail-over, a restart of the server or a slot's move begins a new epoch on each
// channel, which listeners are told of: acknowledged messages may have been lost with the old primary.
// An answer that does not come leaves open whether a message was published; a retry with the same idempotency key is safe.
// Threads: as the contract says. One thread of the adapter does everything: sockets, the sink, completions. It never waits for one
// server: where the primary is, or the cluster, another thread asks.
class RedisBroker final : public Broker, private History, private RedisShard::Owner {
 public:
  RedisBroker(const RedisOptions& options, const Clock& clock, Metrics& metrics);
  ~RedisBroker() override;

  void start(BrokerSink& sink) override;
  void stop() override;
  void publish(std::vector<PublishRequest> messages, ReceiptsDone done) override;
  void subscribe(const std::vector<std::string>& channels, Done done) override;
  void unsubscribe(const std::vector<std::string>& channels, Done done) override;
  History* history() override { return this; }

 private:
  // A call of publish(), until all its messages are answered.
  struct Batch {
    std::vector<Result<PublishReceipt>> receipts;
    size_t left = 0;
    ReceiptsDone done;
  };
  struct Message {
    PublishRequest request;
    std::shared_ptr<Batch> batch;
    size_t index = 0;
    TimePoint deadline;
    unsigned tries = 0;                // that were refused for a passing reason
    std::optional<RedisAddress> asks;  // whom the owner of a moving slot names, for the next try
  };
  // A call of read(), until it is answered.
  struct Reading {
    std::string channel;
    Position since;
    size_t limit = 0;
    PageDone done;
    TimePoint deadline;
    unsigned tries = 0;
    std::optional<RedisAddress> asks;
  };
  // A call of subscribe(), until all its channels are confirmed.
  struct Change {
    size_t left = 0;
    Done done;
  };
  struct Channel {
    RedisShard* home = nullptr;   // where it is subscribed; what others send does not count
    RedisShard* asked = nullptr;  // where a subscription is under way
    uint64_t ask = 0;             // the last one; an earlier one's confirmation says nothing
    bool unsure = false;          // was subscribed before, elsewhere or on another connection
    std::vector<std::shared_ptr<Change>> subscribes;
    Position seen;          // the newest that came or was compared
    bool compared = false;  // since it is subscribed at home
  };
  // Channels whose keys share a slot. Without Redis Cluster there is one.
  struct Partition {
    std::string before;  // of its keys
    unsigned slot = 0;
    RedisShard* owner = nullptr;  // null: nobody
    std::unordered_map<std::string, Channel> channels;
    std::vector<std::string> fresh;  // were subscribed to in this turn
    bool settling = false;           // settle() comes soon
    // Publications. After one was refused for a passing reason, others wait until all that were under way are answered: then the refused
    // are sent again, in order, and those behind them.
    size_t under_way = 0;
    bool stalled = false;
    TimePoint resume_at{};
    std::deque<Message> again;
    std::deque<Message> held;
  };

  // The parts: publishing.cpp, reading.cpp (history), subscribing.cpp, comparing.cpp, cluster.cpp (who owns which partition, health);
  // threads and calls are in redis_broker.cpp. All below is of the thread.
  void read(const std::string& channel, Position since, size_t limit, PageDone done) override;
  void run();
  Duration until_next() const;
  void keep_time();
  void after(Duration delay, std::function<void()> call);  // also run when the adapter stops
  void end_turn();
  void shut();

  void locate(RedisShard& shard) override;
  void on_up(RedisShard& shard) override;
  void on_lost(RedisShard& shard, const std::string& reason, bool was_up) override;
  void on_subscribed(RedisShard& shard, const std::string& name, uint64_t ask) override;
  void on_refused(RedisShard& shard, const std::vector<std::string>& names, uint64_t ask, const std::string& error) override;
  void on_dropped(RedisShard& shard, const std::string& name) override;
  void on_live(RedisShard& shard, std::string_view name, std::string_view text) override;
  void on_foreign(std::string_view pattern, std::string_view name, std::string_view text) override;

  bool clustered() const { return !options_.cluster.empty(); }
  void ask_sentinels();
  void on_primary(const Result<RedisAddress>& named);
  RedisShard& shard_at(const RedisAddress& address);
  void hurry_topology();
  void refresh_topology();
  void find_cluster();
  struct ClusterState {
    bool ok = false;
    uint64_t epoch = 0;  // rises with each fail-over
  };
  static ClusterState state_of(const redisReply& info);
  void on_cluster(const RedisAddress& asked, const Result<std::vector<RedisLink::Reply>>& replies);
  Result<void> take_topology(const ClusterState& state, const redisReply& slots, const RedisAddress& asked);
  bool owns_any(const RedisShard& shard) const;
  void give(Partition& partition, RedisShard* owner);
  void follow(Partition& partition, const RedisShard& refused_by, std::string_view moved);
  void retire_shards();
  void judge_health();
  void tell_ill(const std::string& reason);

  void do_publish(std::vector<PublishRequest> messages, const ReceiptsDone& done);
  void route(Partition& partition, Message message);
  void send_message(RedisShard& shard, Partition& partition, Message message);
  void on_published(RedisShard& shard, Partition& partition, Message& message, uint64_t write, const redisReply* reply);
  // How long to wait before asking again; nullopt: the error does not pass. `asks`: set if another server is to be asked then.
  std::optional<Duration> passes_in(std::string_view error, RedisShard& shard, Partition& partition, unsigned tries,
                                    std::optional<RedisAddress>& asks);
  void stall(Partition& partition, Duration delay);
  void resume(Partition& partition);
  void answer(const Message& message, Result<PublishReceipt> receipt);
  void refuse_overtaken(Partition& partition, const std::string& channel);
  void refuse_waiting(Partition& partition, const std::string& reason);

  void do_read(const std::shared_ptr<Reading>& reading);
  void on_page(RedisShard& shard, const std::shared_ptr<Reading>& reading, const redisReply* reply);

  void do_subscribe(const std::vector<std::string>& channels, Done done);
  void do_unsubscribe(const std::vector<std::string>& channels, const Done& done);
  void ask_for(Partition& partition, const std::vector<std::string>& channels);
  void settle(Partition& partition);
  void settle_soon(Partition& partition, Duration delay);
  void leave_home(Channel& channel);

  void compare(Partition& partition, std::shared_ptr<const std::vector<std::string>> channels, size_t from);
  void on_tops(RedisShard& shard, Partition& partition, const std::vector<std::string>& channels, const redisReply& reply);
  void compare_all(Partition& partition);

  Partition& partition_of(std::string_view channel);
  struct Found {
    Partition* partition = nullptr;
    std::string channel;
  };
  std::optional<Found> find_channel(std::string_view name);
  std::string key(const Partition& partition, char kind, std::string_view channel) const;
  std::string fresh_epoch();

  const RedisOptions options_;
  const Clock& clock_;
  Count& connects_;
  Count& garbage_;
  Count& waiting_gauge_;
  Count& missed_;
  const std::string kept_, age_, state_age_, key_window_;  // what the scripts are told of the options

  Inbox inbox_;
  std::atomic<uint64_t> waiting_bytes_{0};  // of publications that are not answered

  BrokerSink* sink_ = nullptr;  // null: not started, or stopped
  std::vector<Partition> partitions_;
  std::vector<std::unique_ptr<RedisShard>> shards_;
  std::vector<std::unique_ptr<RedisShard>> retired_;  // closed; until the end of the turn
  std::multimap<TimePoint, std::function<void()>> timers_;
  uint64_t asks_ = 0;
  size_t unconfirmed_ = 0;  // channels without a home
  bool healthy_ = false;
  bool told_ill_ = false;
  TimePoint sentinels_at_{};
  bool asking_sentinels_ = false;
  TimePoint topology_at_{};
  TimePoint topology_asked_{};
  bool topology_under_way_ = false;
  bool cluster_ok_ = true;
  uint64_t newest_topology_ = 0;  // the cluster's epoch: a node that was cut off knows an older one
  size_t next_asked_ = 0;         // shard
  TimePoint compare_at_{};
  size_t next_compared_ = 0;
  std::mt19937_64 random_{std::random_device{}()};

  std::atomic<bool> ending_look_ups_{false};
  std::unique_ptr<Worker> look_ups_;  // which server is the primary is asked there: the thread never waits for one
  std::thread thread_;                // last
};

}  // namespace holdfast
