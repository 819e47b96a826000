#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/audit.h"
#include "control/caller.h"
#include "control/facts.h"
#include "control/fleet.h"
#include "control/rate_limits.h"
#include "control/watch_feed.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/base/result.h"
#include "gateway/base/trace.h"
#include "gateway/broker/broker.h"
#include "gateway/message/item.h"

namespace holdfast::control {

// The one implementation of every operation; the doors (grpc, http, zmq) translate, authenticate and call it. Each operation is held to
// what its caller may do (errors: denied) and to the caller's rate (exhausted). The log tells what operators did and what was refused.
// Threads: any.
class Service {
 public:
  // `patience`: how long a publish waits for the broker before it is answered `unavailable`.
  Service(Broker& broker, NodeFacts& node, Fleet& fleet, Metrics& metrics, Duration patience = std::chrono::seconds(10));
  void trace(const Tracer* tracer) { tracer_ = tracer; }  // before the doors open

  using Receipts = std::vector<Result<PublishReceipt>>;
  // Items are valid already (message/item_json.h). Waits until the broker has them all or has refused them; one receipt per item, in order.
  // If one of them is not the caller's to publish, none is published. `keys`: idempotency keys, one per item, empty for none; or no keys.
  Receipts publish(const Caller& caller, std::vector<Item> items, const std::vector<std::string>& keys = {});
  // Does not wait. `done`: once, on a thread of the adapter; from inside if all are refused at once. The service outlives the broker's
  // stop().
  void publish(const Caller& caller, std::vector<Item> items, const std::vector<std::string>& keys, std::function<void(Receipts)> done);

  // What is published to the channel, from behind `since` (a token as clients get it: message/position.h) if that is not empty.
  // Errors: invalid (no token of this channel), denied.
  Result<std::shared_ptr<WatchFeed>> watch(const Caller& caller, const std::string& channel, const std::string& since,
                                           std::function<void()> ready = {});

  // On all nodes.
  Result<std::vector<NodeInfo>> nodes(const Caller& caller);
  struct Channels {
    std::vector<ChannelInfo> list;  // by name
    Answers answers;
  };
  Result<Channels> channels(const Caller& caller, const std::string& prefix, size_t most);
  struct Channel {
    ChannelInfo info;
    Answers answers;
  };
  Result<Channel> channel(const Caller& caller, const std::string& name);
  struct Connections {
    std::vector<ConnectionInfo> list;  // by node and id
    Answers answers;
  };
  Result<Connections> connections(const Caller& caller, const ConnectionQuery& query);
  Result<std::vector<std::string>> alive(const Caller& caller, const std::vector<std::string>& connections);
  Result<void> refresh(const Caller& caller, const std::string& connection);     // not_found: no node has it
  Result<void> disconnect(const Caller& caller, const std::string& connection);  // not_found: no node has it
  Result<void> drain(const Caller& caller, const std::string& node);             // not_found: no such node

  // On this node.
  Result<void> recover(const Caller& caller);
  bool listened(const std::string& channel) { return node_.listened(channel); }

 private:
  std::optional<Receipts> begin(const Caller& caller, const std::vector<Item>& items);  // what to answer at once
  tl::unexpected<Error> refuse(const Caller& caller, std::string_view action, std::string_view target, std::string text);
  tl::unexpected<Error> operators_only(const Caller& caller, std::string_view action, std::string_view target = {});
  Result<void> told(const Caller& caller, std::string_view action, const std::string& target, bool found, const char* missing);
  Receipts counted(size_t count, Receipts receipts, TimePoint begin);
  // A span around the request, below which its items' deliveries are; nullopt: not traced.
  std::optional<Span> begin_span(std::vector<Item>& items) const;
  void end_span(std::optional<Span> span, const Receipts& receipts) const;

  Broker& broker_;
  NodeFacts& node_;
  Fleet& fleet_;
  Count& items_;
  Count& refused_;
  Count& requests_;
  Histogram& seconds_;
  Duration patience_;
  const Tracer* tracer_ = nullptr;
  RateLimits rates_;
  Audit audit_;
};

}  // namespace holdfast::control
