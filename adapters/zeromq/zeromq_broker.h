#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "adapters/support/inbox.h"
#include "adapters/support/store.h"
#include "adapters/zeromq/zeromq_options.h"
#include "gateway/base/metrics.h"
#include "gateway/broker/broker.h"

namespace holdfast {

namespace mesh {
class PeerNames;
class Reader;
}  // namespace mesh

// A mesh of nodes without a broker. Every node that binds orders and keeps some of the channels: each channel's owner is the one of the
// live nodes with the highest weight (rendezvous hashing, Thaler and Ravishankar 1998, over the sessions of the nodes), so that all nodes
// that see the same ones agree without talking. Whoever publishes hands the message to the owner, which gives it its position and sends it
// to every node that subscribed.
// A node that joins is handed the channels that are its own now, and one that leaves hands its channels over: nobody notices.
// Promise: ordered, exact resume while the owner lives and keeps it. An owner that dies takes its history along: its channels begin a new
// epoch at another node, and listeners are told. Nodes that cannot see each other may both own a channel: when they meet again the channel
// begins a new epoch, and listeners are told. What was acknowledged survives nothing but the owner.
// Loss on the way (a slow node's queue that was full, a broken connection) shows in the previous position of the next message, or in the
// heartbeats, which say where channels stand.
// Threads: as the contract says. One thread of the adapter does everything: sockets, the sink, completions.
class ZeromqBroker final : public Broker, private History {
 public:
  ZeromqBroker(const ZeromqOptions& options, const Clock& clock, Metrics& metrics);
  ~ZeromqBroker() override;

  // Binds at once, so that a wrong address is told at start. Errors: invalid.
  Result<void> bind();

  void start(BrokerSink& sink) override;
  void stop() override;
  void publish(std::vector<PublishRequest> messages, ReceiptsDone done) override;
  void subscribe(const std::vector<std::string>& channels, Done done) override;
  void unsubscribe(const std::vector<std::string>& channels, Done done) override;
  History* history() override { return this; }

 private:
  struct Sockets;  // ZeroMQ's
  struct Link;     // to another node that binds
  struct Batch {
    std::vector<Result<PublishReceipt>> receipts;
    size_t left = 0;
    ReceiptsDone done;
  };
  // A call of subscribe(), until every link has confirmed it.
  struct Change {
    size_t left = 0;
    Done done;
  };
  // What another node was asked; null: it did not answer.
  using Answered = std::function<void(mesh::Reader*)>;
  // A publication on its way to the channel's owner, whoever that is.
  struct Sending {
    PublishRequest message;
    std::shared_ptr<Batch> batch;
    size_t index;
    TimePoint deadline;
  };
  struct Waiting {
    uint64_t session;
    TimePoint deadline;
    Answered done;
  };
  struct Reading {
    std::string channel;
    size_t limit;
    PageDone done;
    HistoryPage page;
    size_t bytes = 0;
    TimePoint deadline{};
  };
  struct Channel {
    Position seen;  // newest that was handed to the sink
  };
  // Where a channel stands, told with the next heartbeats.
  struct News {
    Position top;
    int beats = 0;
  };

  void read(const std::string& channel, Position since, size_t limit, PageDone done) override;

  // Of the thread. links.cpp: the other nodes; owning.cpp: channels that this node orders; asking.cpp: those of others.
  void run();
  void take_posted();
  void keep_time();
  std::chrono::milliseconds until_next() const;
  void judge_health();

  void set_peers(const std::set<std::string>& addresses);
  void open_link(const std::string& address);
  void read_link(Link& link);
  void on_frame(Link& link, std::string_view topic, std::string_view content);
  void on_heartbeat(Link& link, mesh::Reader& in);
  void on_probe(Link& link, uint64_t number, uint64_t session);
  void probe(Link& link);
  void link_up(Link& link, uint64_t session);
  void link_down(Link& link, const std::string& reason);
  void send_up(Link& link, const std::string& frame);
  void tell_gaps_of(uint64_t owner);
  void hand_over(Link& link);
  bool may_order(const std::string& channel) const;
  void leave();
  Link* link_of(uint64_t session);
  uint64_t owner_of(std::string_view channel) const;  // a session; 0: nobody owns anything
  bool heard_anybody(TimePoint now) const;

  void read_below();
  void on_subscription(std::string_view topic, bool subscribed);
  void on_request(std::string_view frame);
  PublishReceipt order(std::string channel, Bytes envelope, const std::string& key);
  void send_down(std::string_view topic, std::string_view content);
  void beat();
  void check_credentials();

  void do_publish(std::vector<PublishRequest> messages, ReceiptsDone done);
  void send(const std::shared_ptr<Sending>& sending);
  void again(TimePoint deadline, std::function<void()> call, const std::function<void()>& otherwise);
  Result<void> refuse(const PublishRequest& message) const;
  Answered take_waiting(uint64_t id);  // null: nobody waits for it
  void ask(Link& link, TimePoint deadline, const std::function<std::string(uint64_t id)>& frame, Answered done);
  void answer(Batch& batch, size_t index, Result<PublishReceipt> receipt);
  void do_read(std::shared_ptr<Reading> reading, Position since);
  void do_subscribe(const std::vector<std::string>& channels, Done done);
  void deliver(const PublicationPtr& publication);

  const ZeromqOptions options_;
  const Clock& clock_;
  const uint64_t session_;
  Count& garbage_;
  Count& links_gauge_;
  Count& waiting_gauge_;
  Count& lost_;

  Inbox inbox_;
  std::atomic<uint64_t> waiting_bytes_{0};

  // The thread's, once start() was called.
  BrokerSink* sink_ = nullptr;  // null: not started, or stopped
  std::unique_ptr<Sockets> sockets_;
  std::unique_ptr<mesh::PeerNames> names_;
  std::map<std::string, std::unique_ptr<Link>> links_;  // by address
  std::map<uint64_t, TimePoint> listening_;             // nodes that listen to this one, and when they were heard
  std::unordered_map<std::string, Channel> channels_;
  std::map<uint64_t, Waiting> waiting_;
  std::set<std::pair<TimePoint, uint64_t>> deadlines_;  // of those
  std::multimap<TimePoint, std::function<void()>> timers_;
  std::set<uint64_t> handed_;                // nodes that did so, since they were last gone
  std::map<uint64_t, TimePoint> expecting_;  // nodes that may hand channels over, until then
  uint64_t last_id_ = 0;
  uint64_t beats_ = 0;
  TimePoint beat_at_{};
  TimePoint started_at_{};
  bool looked_up_ = false;  // the peers, once
  bool settled_ = false;    // every peer was met, or had the time for it
  bool left_ = false;       // no channel is this node's any more
  bool healthy_ = false;
  bool told_health_ = false;
  MemoryTotals totals_;
  MemoryStore store_;
  std::unordered_map<std::string, News> news_;

  std::thread thread_;  // last
};

}  // namespace holdfast
