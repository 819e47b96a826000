#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/base/result.h"
#include "gateway/broker/broker.h"
#include "gateway/message/item.h"

namespace holdfast::control {

// A channel and who listens to it.
struct ChannelInfo {
  std::string name;
  int64_t response = 0, stream = 0, websocket = 0;  // connections held for it, by kind
};

// What the control side needs to know of the node's client side; app/ connects it. Threads: any.
class NodeFacts {
 public:
  virtual ~NodeFacts() = default;
  // Forgets ids and has every hold ask its backend again.
  virtual void recover() = 0;
  // Held connections by their ids. These wait for the loops (a second at most: a loop that is that busy counts as not knowing).
  virtual std::vector<std::string> alive(const std::vector<std::string>& connections) = 0;
  virtual bool refresh(const std::string& connection) = 0;     // false: not here
  virtual bool disconnect(const std::string& connection) = 0;  // false: not here
  // Whether anybody on this node listens, or did until a moment ago.
  virtual bool listened(const std::string& channel) = 0;
  // These wait for the loops too.
  virtual std::vector<ChannelInfo> channels(const std::string& prefix, size_t most) = 0;  // in no order
  virtual ChannelInfo channel(const std::string& name) = 0;
  struct Held {
    int64_t connections = 0, channels = 0;
  };
  virtual Held held() = 0;  // does not wait
};

class Fleet;

// The one implementation of every operation; the doors (http, later grpc and zmq) translate, authenticate and call it. Threads: any.
class Service {
 public:
  // `patience`: how long a publish waits for the broker before it is answered `unavailable`.
  Service(Broker& broker, NodeFacts& node, Metrics& metrics, Duration patience = std::chrono::seconds(10));

  using Receipts = std::vector<Result<PublishReceipt>>;
  // Items are valid already (message/item_json.h). Waits until the broker has them all or has refused them; one receipt per item, in order.
  // `keys`: idempotency keys, one per item, empty for none; or no keys at all.
  Receipts publish(std::vector<Item> items, const std::vector<std::string>& keys = {});
  NodeFacts& node() { return node_; }
  // The other nodes; set before the doors open.
  Fleet& fleet() { return *fleet_; }
  void set_fleet(Fleet& fleet) { fleet_ = &fleet; }

 private:
  Broker& broker_;
  NodeFacts& node_;
  Fleet* fleet_ = nullptr;
  Count& items_;
  Count& refused_;
  Count& requests_;
  Histogram& seconds_;
  Duration patience_;
};

}  // namespace holdfast::control
