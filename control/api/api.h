#pragma once

#include <functional>
#include <memory>
#include <string>

#include "control/service.h"
#include "gateway/base/result.h"
#include "gateway/broker/durability.h"
#include "gateway/message/item_json.h"
#include "holdfast/control/v1/control.pb.h"

namespace holdfast::control {

// The service in the shape of the proto: what gRPC and HTTP under /v1/ have in common, so that their answers cannot differ. Checks requests
// and translates. Errors: as Service; invalid names the field. Threads: any.
class Api {
 public:
  Api(Service& service, Durability durability, ItemLimits limits = {}) : service_(service), durability_(durability), limits_(limits) {}

  // If nothing at all was published the whole call fails; else the results say it item by item.
  // `traceparent`: the trace that the items belong to; empty: none.
  Result<v1::PublishResponse> publish(const Caller& caller, v1::PublishRequest request, const std::string& traceparent = {});
  // Does not wait. `done`: once, on a thread of the adapter, or from inside if all are refused at once.
  using Published = std::function<void(Result<v1::PublishResponse>)>;
  void publish(const Caller& caller, v1::PublishRequest request, const std::string& traceparent, Published done);

  Result<std::shared_ptr<WatchFeed>> subscribe(const Caller& caller, const v1::SubscribeRequest& request, std::function<void()> ready);

  // These wait for other nodes, up to two seconds.
  Result<v1::ChannelsResponse> channels(const Caller& caller, const v1::ChannelsRequest& request);
  Result<v1::ChannelResponse> channel(const Caller& caller, const v1::ChannelRequest& request);
  Result<v1::ConnectionsResponse> connections(const Caller& caller, const v1::ConnectionsRequest& request);
  Result<v1::DisconnectResponse> disconnect(const Caller& caller, const v1::DisconnectRequest& request);
  Result<v1::RefreshResponse> refresh(const Caller& caller, const v1::RefreshRequest& request);
  Result<v1::NodesResponse> nodes(const Caller& caller, const v1::NodesRequest& request);
  Result<v1::DrainResponse> drain(const Caller& caller, const v1::DrainRequest& request);
  Result<v1::RecoverResponse> recover(const Caller& caller, const v1::RecoverRequest& request);

 private:
  struct Publication;
  Result<Publication> check(v1::PublishRequest& request, const std::string& traceparent) const;
  Result<v1::PublishResponse> answer(const std::vector<std::string>& channels, const Service::Receipts& receipts) const;

  Service& service_;
  const Durability durability_;
  const ItemLimits limits_;
};

// What happened on the channel, for its reader.
v1::SubscribeResponse to_message(const WatchEvent& event, const std::string& channel);

v1::Error to_message(const Error& error);

}  // namespace holdfast::control
