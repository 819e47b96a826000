#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/message/position.h"

namespace holdfast::control {

// A channel and who listens to it.
struct ChannelInfo {
  std::string name;
  int64_t response = 0, stream = 0, websocket = 0;  // connections held for it, by kind
};

// A held connection.
struct ConnectionInfo {
  std::string id;
  std::string node;  // the id of the node that holds it
  std::string kind;  // response, stream, websocket
  std::string peer;  // address; empty if it is not kept
  std::vector<std::string> channels;
};

struct ConnectionQuery {
  std::string channel;  // empty: any
  std::string kind;     // empty: any
  size_t most = 100;
};

class WatchFeed;

// What the control side needs to know of the node's client side; app/ connects it. Threads: any.
class NodeFacts {
 public:
  virtual ~NodeFacts() = default;
  // Forgets ids and has every hold ask its backend again.
  virtual void recover() = 0;
  // Not ready, accepts nothing more, ends holds over the window, exits: as SIGTERM does.
  virtual void drain() = 0;
  // Held connections by their ids. These wait for the loops (a second at most: a loop that is that busy counts as not knowing).
  virtual std::vector<std::string> alive(const std::vector<std::string>& connections) = 0;
  virtual bool refresh(const std::string& connection) = 0;     // false: not here
  virtual bool disconnect(const std::string& connection) = 0;  // false: not here
  // Whether anybody on this node listens, or did until a moment ago.
  virtual bool listened(const std::string& channel) = 0;
  // These wait for the loops too.
  virtual std::vector<ChannelInfo> channels(const std::string& prefix, size_t most) = 0;  // in no order
  virtual ChannelInfo channel(const std::string& name) = 0;
  virtual std::vector<ConnectionInfo> connections(const ConnectionQuery& query) = 0;  // in no order; `node` is left empty
  struct Held {
    int64_t connections = 0, channels = 0;
  };
  virtual Held held() = 0;  // does not wait
  // Fills the feed with what is published to the channel, from behind `since` if that is given, until the feed is closed, its
  // time is up or the node stops.
  virtual void watch(const std::string& channel, std::optional<Position> since, std::shared_ptr<WatchFeed> feed) = 0;
};

}  // namespace holdfast::control
