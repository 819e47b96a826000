#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "adapters/kafka/kafka_client.h"
#include "adapters/kafka/kafka_options.h"
#include "adapters/kafka/log_epoch.h"
#include "adapters/kafka/partition_log.h"
#include "adapters/support/inbox.h"
#include "adapters/support/worker.h"
#include "gateway/base/metrics.h"
#include "gateway/broker/broker.h"

namespace holdfast {

// Kafka. A channel is a record key in a partition that Holdfast computes; nodes consume the partitions they need, each for itself, without
// a consumer group. Promise: ordered, exact resume by offset while history holds it. Acknowledged: written as the topic's replication
// demands (acks=all). A topic made again, or a log that was cut, is a new epoch (log_epoch.h), told to listeners. A publication that timed
// out may have been written; a retry with the same idempotency key is safe. Threads: as the contract says. One thread of the adapter does
// everything but what blocks: the sink, completions, what librdkafka hands over. Two workers block for it, on look-ups and on reading older
// history.
class KafkaBroker final : public Broker, private History {
 public:
  KafkaBroker(const KafkaOptions& options, const Clock& clock, Metrics& metrics);
  ~KafkaBroker() override;

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
  struct Partition;
  struct Message {
    PublishRequest request;
    std::shared_ptr<Batch> batch;  // null: a mark of our own
    size_t index = 0;
    Partition* partition = nullptr;
    TimePoint deadline;
    bool asked = false;    // keyed: the end of the log is being asked for
    bool cleared = false;  // keyed: everything that was published before is known
    bool answered = false;
    int64_t offset = -1;  // where it was written
  };
  using MessagePtr = std::unique_ptr<Message>;
  // A call of subscribe(), until all its channels are live.
  struct Change {
    size_t left = 0;
    Done done;
  };
  // Runs once everything that was in the partition when it was asked for has been consumed.
  struct Barrier {
    std::function<void(bool reached)> then;
    std::optional<TimePoint> deadline;  // none: waits for as long as it takes
    bool asked = false;
    int64_t end = -1;  // known once asked
  };
  struct Topic;
  struct Partition {
    Partition(Topic& of, int32_t number, const KafkaOptions& options)
        : topic(of), id(number), log(static_cast<size_t>(options.history_messages), options.history_bytes) {}

    Topic& topic;
    const int32_t id;
    enum class State {
      idle,     // not consumed
      looking,  // where to begin is being asked for
      reading,  // consumed from some time ago, to know keys, history and the epoch
      live,     // consumed without a skip; its epoch is known
    } state = State::idle;
    bool consuming = false;
    uint64_t batch = 0;    // of records, in which consuming began: what follows in it is from before
    int64_t low = 0;       // where the log begins
    int64_t start = 0;     // where reading began
    int64_t target = 0;    // where the log ended when reading began
    int64_t consumed = 0;  // everything before was read
    int64_t acked = 0;     // everything of ours before was written
    int64_t last_offset = -1;
    uint64_t last_print = 0;  // of the record at last_offset
    // The same when Kafka was last seen well. After trouble it is read again: is it still the same record?
    int64_t anchor_offset = -1;
    uint64_t anchor_print = 0;
    bool checking = false;
    TimePoint short_since{};  // the log seems to end before what was read of it; since when
    bool anchored = false;    // it was; what has been read since follows
    int32_t leader = -1;
    LogEpoch epoch;
    PartitionLog log;
    uint64_t condemned = 0;  // an epoch that must not go on: its log was cut
    uint64_t proposed = 0;   // our founding mark is under way
    TimePoint propose_at{};
    WallTime mark_at{};      // when to repeat the mark
    int64_t mark_after = 0;  // or at which offset
    struct Resume {
      uint64_t epoch = 0;
      int64_t consumed = 0;
      int64_t last_offset = -1;
      uint64_t last_print = 0;
    } resume;  // where it stood before reading began again
    size_t channels = 0;
    TimePoint used{};
    std::deque<MessagePtr> held;      // wait for it to be live, or behind such
    bool held_asked = false;          // a barrier for keyed ones is under way
    std::deque<Message*> confirming;  // written: wait to be consumed
    std::deque<Barrier> barriers;
  };
  struct Topic {
    std::string name;
    KafkaTopic producing;
    KafkaTopic consuming;
    KafkaTopic asking;
    int32_t available = 0;  // partitions that Kafka has; 0: there is no such topic
    int32_t count = 0;      // that channels are spread over; 0: not known yet
    std::vector<std::unique_ptr<Partition>> partitions;
  };
  struct Channel {
    Partition* partition = nullptr;
    uint64_t serial = 0;
    bool live = false;
    bool unsure = false;  // was live, and something may be missing
    std::vector<std::shared_ptr<Change>> subscribes;
  };

  void read(const std::string& channel, Position since, size_t limit, PageDone done) override;

  // Of the thread. kafka_broker.cpp: the thread and health.
  void run();
  void keep_time();
  Duration until_next() const;
  void open();
  void close();
  bool drained() const;
  void serve_events(rd_kafka_t* client, rd_kafka_queue_t* queue);
  void probe();
  void on_probe(Topic& topic, const Result<std::vector<int32_t>>& leaders);
  void forget(Topic& topic);
  void come_up();
  void lose(const std::string& reason);
  bool running() const { return sink_ != nullptr && !stopping_; }
  Topic& topic_of(std::string_view channel);
  Partition* partition_of_channel(std::string_view channel);  // null: not known yet
  std::string where() const;

  // publishing.cpp
  void do_publish(std::vector<PublishRequest> messages, const ReceiptsDone& done);
  void pump(Partition& partition);
  void send(MessagePtr message);
  void send_mark(Partition& partition, const LogMark& mark);
  void on_delivered(const rd_kafka_message_t& report);
  void confirm(Partition& partition);
  void give_up_confirming(Partition& partition);
  void expire_messages(TimePoint now);
  void answer(Message& message, Result<PublishReceipt> receipt);
  void renew_producer();

  // consuming.cpp
  void need(Partition& partition);
  void look_up();
  void on_looked_up(Partition& partition, const Result<int64_t>& low, const Result<int64_t>& end, const Result<int64_t>& back);
  void begin_reading(Partition& partition, int64_t from);
  void end_reading(Partition& partition);
  void restart(Partition& partition, bool condemn);
  void check(Partition& partition);
  bool serve_records();
  void on_record(Partition& partition, const rd_kafka_message_t& message);
  bool may_grow(Partition& partition);
  void on_mark(Partition& partition, const KafkaRecord& record);
  void progress(Partition& partition);
  void settle(Partition& partition);
  void propose(Partition& partition);
  void go_live(Partition& partition);
  void plan_mark(Partition& partition, WallTime last);
  void pin(Topic& topic, int32_t count);
  void tell_gap(Partition& partition);
  void deliver(const PublicationPtr& publication);
  void keep_partitions(TimePoint now);

  // subscribing.cpp
  void do_subscribe(const std::vector<std::string>& channels, Done done);
  void do_unsubscribe(const std::vector<std::string>& channels, const Done& done);
  void attach(const std::string& name);
  void on_attached(const std::string& name, uint64_t serial);

  // reading.cpp
  void add_barrier(Partition& partition, std::optional<TimePoint> deadline, std::function<void(bool)> then);
  void ask_ends();
  void on_end(Partition& partition, int64_t asked_at, const Result<int64_t>& end);
  void pass_barriers(Partition& partition);
  void fail_barriers(Partition& partition, bool all);
  void expire_barriers(TimePoint now);
  void do_read(const std::string& channel, Position since, size_t limit, const PageDone& done);
  void answer_read(Partition& partition, const std::string& channel, Position since, size_t limit, const PageDone& done);

  const KafkaOptions options_;
  const Clock& clock_;
  Count& connects_;
  Count& garbage_;
  Count& duplicates_;
  Count& restarts_;
  Count& scans_;
  Count& waiting_gauge_;
  Count& partitions_gauge_;

  Inbox inbox_;
  std::atomic<uint64_t> waiting_bytes_{0};  // of publications that are not answered
  std::atomic<bool> ending_scans_{false};

  // The thread's.
  BrokerSink* sink_ = nullptr;  // null: not started, or stopped
  bool stopping_ = false;
  TimePoint stop_by_{};
  std::vector<std::promise<void>*> stops_;
  KafkaHandle producer_, consumer_;
  KafkaHandle asker_;  // of the workers: on the consumer's connections a question waits until its fetch, a long poll, has ended
  KafkaQueue producer_queue_, consumer_queue_, asker_queue_, records_;
  std::vector<std::pair<std::string, Topic*>> prefixes_;  // longest first
  std::vector<std::unique_ptr<Topic>> topics_;            // the first is the default
  std::unordered_map<std::string, Channel> channels_;
  std::unordered_map<Message*, MessagePtr> sent_;  // librdkafka has them
  bool healthy_ = false;
  bool told_health_ = false;
  bool lost_ = false;  // after having been healthy: logs are to be checked
  bool probing_ = false;
  uint64_t losses_ = 0;  // times that lose() was called
  TimePoint probe_at_{};
  bool looking_ = false;  // a look-up is under way
  TimePoint look_at_{};
  bool asking_ = false;
  TimePoint ask_at_{};
  bool more_ = false;  // records may be waiting
  uint64_t batch_ = 0;
  uint64_t serials_ = 0;
  std::mt19937_64 random_{std::random_device{}()};

  std::unique_ptr<Worker> look_ups_, scans_worker_;
  std::thread thread_;  // last
};

}  // namespace holdfast
