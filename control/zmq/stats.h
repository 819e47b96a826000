#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"

namespace holdfast::control {

// One message of the stats socket: a type and its fields. The names are Pushpin's.
struct Stat {
  using Value = std::variant<std::string, int64_t, bool>;
  std::string type;
  std::vector<std::pair<std::string, Value>> fields;
};
// "TYPE J{...}" or "TYPE T...".
std::string format_stat(const Stat& stat, bool tnetstring);

// What the stats socket has to tell: connections and subscriptions as they come, go, and once more before their word runs out; reports.
// Bound: what is live, and what went since the last due(). Threads: any.
class StatsBook {
 public:
  StatsBook(std::string from, Duration connection_ttl, Duration subscription_ttl, Duration report_interval, Metrics& metrics);

  void connected(const std::string& id, std::string_view type, const std::string& peer_address);
  void disconnected(const std::string& id);
  // `mode`: "response", "stream" or "ws".
  void listener(const std::string& channel, std::string_view mode, bool more);

  // What is to be said now.
  std::vector<Stat> due(TimePoint now);

 private:
  struct Connection {
    std::string type, peer_address;
    bool told = false;
  };
  struct Listeners {
    int64_t count = 0;
    bool told = false;
    bool queued = false;
    bool again = false;  // a word of it waits in listeners_again_
  };
  using ListenersKey = std::pair<std::string, std::string>;  // mode, channel

  void tell_connections(TimePoint now, std::vector<Stat>& out);
  void tell_listeners(TimePoint now, std::vector<Stat>& out);
  void report(TimePoint now, std::vector<Stat>& out);
  Stat::Value own() const { return from_; }

  const std::string from_;
  const Duration connection_ttl_, subscription_ttl_, report_interval_;
  Count &received_, &sent_, &open_, &requests_;

  std::mutex mutex_;
  std::unordered_map<std::string, Connection> connections_;
  std::vector<std::string> came_, went_;
  std::deque<std::pair<TimePoint, std::string>> connections_again_;  // by time
  std::map<ListenersKey, Listeners> listeners_;
  std::vector<ListenersKey> changed_;
  std::deque<std::pair<TimePoint, ListenersKey>> listeners_again_;  // by time

  // Of due() alone.
  TimePoint reported_at_{};
  int64_t last_received_ = 0, last_sent_ = 0, last_requests_ = 0;
  int64_t most_open_ = 0;
  double minutes_ = 0;
  TimePoint sampled_at_{};
};

}  // namespace holdfast::control
