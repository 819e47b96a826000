#pragma once

#include <deque>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/redis_link.h"
#include "adapters/redis/redis_options.h"
#include "gateway/base/clock.h"

struct pollfd;

namespace holdfast {

// One primary, and two connections to it: commands, pipelined, and subscriptions. When one is lost both are made anew, until it is closed.
// It knows servers, scripts and pub/sub names; what a channel is only its owner knows.
// Threads: its owner's, which polls: add_waits(), poll(), serve(), keep_time() at next_time(). Its owner is called from inside of these.
class RedisShard {
 public:
  class Owner {
   public:
    // Asks where it is now: found() or lose() answers, at once or later.
    virtual void locate(RedisShard& shard) = 0;
    virtual void on_up(RedisShard& shard) = 0;
    // Commands under way have been answered with null, and nothing is subscribed any more.
    virtual void on_lost(RedisShard& shard, const std::string& reason, bool was_up) = 0;
    virtual void on_subscribed(RedisShard& shard, const std::string& name, uint64_t ask) = 0;
    virtual void on_refused(RedisShard& shard, const std::vector<std::string>& names, uint64_t ask, const std::string& error) = 0;
    // Nobody asked for it: the slot has left this server.
    virtual void on_dropped(RedisShard& shard, const std::string& name) = 0;
    virtual void on_live(RedisShard& shard, std::string_view name, std::string_view text) = 0;
    // What somebody published by hand, as RedisOptions::foreign says.
    virtual void on_foreign(std::string_view pattern, std::string_view channel, std::string_view text) = 0;

   protected:
    ~Owner() = default;
  };

  // `address`: empty if only locate() knows.
  RedisShard(const RedisOptions& options, const Clock& clock, Owner& owner, RedisAddress address);

  const RedisAddress& address() const { return address_; }
  bool is_up() const { return commands_up_ && greeted_; }
  bool is_new() const { return !is_up() && !failed_; }     // the first attempt is under way
  const std::string& failure() const { return failure_; }  // why it is not up; empty: it is, or is new
  TimePoint opened_at() const { return opened_at_; }

  void open();  // soon
  bool is_locating() const { return locating_; }
  void found(const RedisAddress& address);
  // Both connections are of no use. They are made anew unless it was closed.
  void lose(const std::string& reason);
  void close(const std::string& reason);
  // All is well: the next loss is the first one.
  void calm() { backoff_ = Duration(0); }

  using Handler = std::function<void(const redisReply*)>;  // null: the connection was lost
  void command(const RedisLink::Arguments& arguments, Handler handler);
  // The identity of the server, as scripts.h uses it. Asked for again every few seconds, and now.
  const std::string& fence() const { return fence_; }
  void check_fence();
  const std::string& publish_sha() const { return publish_sha_; }
  const std::string& read_sha() const { return read_sha_; }
  const std::string& tops_sha() const { return tops_sha_; }
  void load_scripts();

  // Names of one slot. Only when it is up. `ask` comes back with each confirmation.
  void subscribe(const std::vector<std::string>& names, uint64_t ask);
  void unsubscribe(const std::vector<std::string>& names);
  // `then` runs once everything that the server published up to now has come. Never, if the connection is lost.
  void when_all_came(std::function<void()> then);

  // A write was just sent. `then` is told how many replicas have it: -1 if the connection was lost.
  uint64_t note_write() { return ++written_; }
  using Replicated = std::function<void(int64_t)>;
  void when_replicated(uint64_t write, Replicated then);
  void ask_for_replicas();  // if writes wait for them; one question at a time

  void add_waits(std::vector<pollfd>& waits) const;  // two
  void serve(const pollfd* waits);                   // the same two
  void keep_time();
  TimePoint next_time() const;

 private:
  struct Pending {
    Handler handler;
    TimePoint deadline;
  };
  // A command on the subscriptions' connection: the server confirms name by name, in order.
  struct Asked {
    bool subscribe = false;
    uint64_t ask = 0;
    std::vector<std::string> names;
    size_t confirmed = 0;
  };
  struct Ping {
    std::function<void()> then;  // null: only to hear something
    TimePoint asked_at;
  };
  struct Write {
    uint64_t number = 0;
    Replicated then;
  };

  void connect();
  void on_info(const redisReply* reply);
  void come_up();
  void on_replicas(uint64_t covered, const redisReply* reply);
  void serve(RedisLink& link, std::deque<Pending>& pending, short revents);
  void on_pushed(const redisReply& reply);
  void on_pong();
  TimePoint pong_deadline() const;
  void on_confirmed(bool subscribed, std::string_view name);
  void ask_for(bool subscribe, const std::vector<std::string>& names, uint64_t ask);

  const RedisOptions& options_;
  const Clock& clock_;
  Owner& owner_;
  const bool sharded_;
  RedisAddress address_;
  RedisLink commands_;
  RedisLink subscriptions_;
  uint64_t connection_ = 0;               // counts attempts
  std::deque<Pending> pending_;           // of commands_
  std::deque<Pending> greeting_pending_;  // of subscriptions_, until greeted
  std::deque<Asked> asked_;
  std::deque<Ping> pings_;  // on subscriptions_
  bool open_ = false;
  bool locating_ = false;
  bool commands_up_ = false;
  bool greeted_ = false;  // on subscriptions_
  bool failed_ = false;
  bool loading_ = false;
  std::string failure_;
  TimePoint opened_at_{};
  TimePoint connect_at_{};
  TimePoint check_at_{};
  Duration backoff_{0};
  std::string fence_, publish_sha_, read_sha_, tops_sha_;
  uint64_t written_ = 0;
  uint64_t covered_ = 0;  // by the last question for replicas
  bool asking_replicas_ = false;
  std::deque<Write> writes_;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace holdfast
