#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "adapters/redis/redis_link.h"
#include "adapters/redis/redis_options.h"
#include "gateway/base/metrics.h"
#include "gateway/broker/broker.h"

namespace holdfast {

// Redis, one primary: at an address, or wherever Sentinels say. Two connections: commands, pipelined, and subscriptions.
// Promise: ordered, exact resume while history holds it. A fail-over or a restart of the server begins a new epoch on each channel, which
// listeners are told of: acknowledged messages may have been lost with the old primary.
// An answer that does not come leaves open whether a message was published; a retry with the same idempotency key is safe.
// Threads: as the contract says. One thread of the adapter does everything: sockets, the sink, completions.
class RedisBroker final : public Broker, private History {
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
  using Handler = std::function<void(const redisReply*)>;  // null: the connection was lost
  struct Pending {
    Handler handler;
    TimePoint deadline;
  };
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
  };
  // A call of subscribe() or unsubscribe(), until all its channels are confirmed.
  struct Change {
    size_t left = 0;
    Done done;
  };
  struct Channel {
    bool wanted = false;
    bool confirmed = false;
    bool unsure = false;                              // was confirmed before the connection was lost
    std::vector<std::shared_ptr<Change>> subscribes;  // wait for it to be confirmed
    std::deque<std::shared_ptr<Change>> asked;        // one for each command that is not confirmed yet; null: of a subscribe
  };

  void read(const std::string& channel, Position since, size_t limit, PageDone done) override;

  // Of the thread. The parts: publishing.cpp, reading.cpp (history), subscribing.cpp; the rest is in redis_broker.cpp.
  void run();
  void post(std::function<void()> call);
  void take_posted();
  Duration until_next() const;
  void keep_time();

  void connect();
  Result<RedisAddress> find_primary(Duration patience) const;
  void greet(RedisLink& link, std::deque<Pending>& pending);
  void on_info(const redisReply* reply);
  void come_up();
  void lose(const std::string& reason);
  void serve(RedisLink& link, std::deque<Pending>* pending, short revents);
  void command(const RedisLink::Arguments& arguments, Handler handler);

  void do_publish(std::vector<PublishRequest> messages, const ReceiptsDone& done);
  void send_message(Message message);
  void on_published(Message& message, const redisReply* reply);
  void answer(const Message& message, Result<PublishReceipt> receipt);
  void load_scripts();
  void do_read(const std::string& channel, Position since, size_t limit, const PageDone& done, bool whole_script);
  void do_subscribe(const std::vector<std::string>& channels, Done done);
  void do_unsubscribe(const std::vector<std::string>& channels, Done done);
  void ask_for(std::string_view word, const std::vector<std::string>& channels);
  void on_pushed(const redisReply& reply);
  void on_confirmed(bool subscribed, const std::string& name);
  void on_live(const std::string& channel, std::string_view text);
  std::string key(char kind, std::string_view channel) const;
  std::string fresh_epoch();

  const RedisOptions options_;
  const Clock& clock_;
  Count& reconnects_;
  Count& garbage_;
  Count& waiting_gauge_;
  const std::string kept_, age_, state_age_, key_window_;  // what the scripts are told of the options

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool ending_ = false;
  const int wake_;
  std::atomic<uint64_t> waiting_bytes_{0};  // of publications that are not answered

  // The thread's.
  BrokerSink* sink_ = nullptr;  // null: not started, or stopped
  RedisAddress primary_;
  RedisLink commands_;
  RedisLink subscriptions_;
  std::deque<Pending> pending_;           // of commands_
  std::deque<Pending> greeting_pending_;  // of subscriptions_, until it is subscribed
  bool commands_up_ = false;
  bool greeted_ = false;           // on subscriptions_
  bool subscriptions_up_ = false;  // all channels were asked for
  bool healthy_ = false;
  bool told_health_ = false;
  TimePoint connect_at_{};
  TimePoint check_at_{};
  Duration backoff_{0};
  std::string fence_;
  std::string publish_sha_, read_sha_;
  std::unordered_map<std::string, Channel> channels_;
  size_t unconfirmed_ = 0;
  size_t publishing_ = 0;  // messages that are sent and not answered
  bool reloading_ = false;
  std::deque<Message> again_;  // came back for want of a script
  std::deque<Message> held_;   // wait behind those
  std::mt19937_64 random_{std::random_device{}()};

  std::thread thread_;  // last
};

}  // namespace holdfast
