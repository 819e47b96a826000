#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control/facts.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/broker/broker.h"

namespace holdfast::control {

// A node as it announces itself.
struct NodeInfo {
  std::string id;  // new with each start
  std::string host, role, version;
  int64_t connections = 0;  // held
  int64_t channels = 0;     // with listeners
  int64_t uptime = 0;       // seconds
};

// What some of the nodes answered. A node that was there a moment ago and does not answer is why `answered` may be less than `asked`.
struct Answers {
  size_t asked = 0;
  size_t answered = 0;
};

// Operations over all nodes of the cluster, carried by the broker on channels of its own, whose names begin so:
inline constexpr char kReservedFirst = '\x01';
inline bool is_reserved(std::string_view channel) { return !channel.empty() && channel.front() == kReservedFirst; }

// Each node announces itself every five seconds, answers what others ask about it, and asks them. Answers are collected for up to
// `patience`. Threads: any; one of its own answers others, so that the broker's thread never waits for the loops.
class Fleet {
 public:
  Fleet(Broker& broker, NodeFacts& node, NodeInfo own, const Clock& clock, Metrics& metrics, Duration patience = std::chrono::seconds(2));
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  void start();  // after the broker
  void stop();   // before it; twice is harmless
  // From the broker's sink: what came on a reserved channel. Does not block.
  void on_publication(const PublicationPtr& publication);

  const std::string& own_id() const { return own_.id; }
  // This node first, then the others that announced themselves lately, by host and id.
  std::vector<NodeInfo> nodes();
  // Listeners on all nodes of channels whose names begin with `prefix`, by name; at most `most`, of each node as well.
  std::vector<ChannelInfo> channels(const std::string& prefix, size_t most, Answers& answers);
  ChannelInfo channel(const std::string& name, Answers& answers);
  // At most `query.most`, of each node as well, by node and id.
  std::vector<ConnectionInfo> connections(const ConnectionQuery& query, Answers& answers);
  std::vector<std::string> alive(const std::vector<std::string>& connections);
  bool refresh(const std::string& connection);     // false: no node has it
  bool disconnect(const std::string& connection);  // false: no node has it
  bool drain(const std::string& node);             // false: it does not answer

 private:
  struct Seen {
    NodeInfo info;
    TimePoint at;
  };
  struct Question;

  void run();
  void announce();
  void answer(const std::string& text);
  void send(const std::string& channel, std::string text);
  // Asks the other nodes; their answers' texts, as they came. `enough`: no further ones are waited for.
  std::vector<std::string> ask(std::string question, Answers& answers, const std::function<bool(const std::string&)>& enough = {});
  bool somewhere(const std::string& operation, const std::string& name, bool here);
  void drop_silent();

  Broker& broker_;
  NodeFacts& node_;
  const NodeInfo own_;
  const Clock& clock_;
  const TimePoint started_;
  const Duration patience_;
  Count& dropped_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Seen> others_;
  std::map<uint64_t, std::shared_ptr<Question>> questions_;
  uint64_t last_question_ = 0;
  std::deque<std::string> to_answer_;  // bounded: beyond, nodes that ask see one answer less
  bool ending_ = false;
  std::thread thread_;
};

// Takes the fleet's messages out of what comes from the broker; the rest goes on. Threads: as BrokerSink.
class FleetSink final : public BrokerSink {
 public:
  FleetSink(Fleet& fleet, BrokerSink& next) : fleet_(fleet), next_(next) {}
  void on_publication(PublicationPtr publication) override {
    if (is_reserved(publication->channel)) return fleet_.on_publication(publication);
    next_.on_publication(std::move(publication));
  }
  void on_gap(const std::string& channel) override {
    if (!is_reserved(channel)) next_.on_gap(channel);  // the next announcements say it all again
  }
  void on_health(bool healthy, const std::string& reason) override { next_.on_health(healthy, reason); }

 private:
  Fleet& fleet_;
  BrokerSink& next_;
};

}  // namespace holdfast::control
