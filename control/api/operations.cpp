#include <algorithm>

#include "control/api/api.h"
#include "control/api/items.h"
#include "control/api/utf8.h"

namespace holdfast::control {
namespace {

constexpr int32_t kDefaultLimit = 100;
constexpr int32_t kMostLimit = 10'000;

Result<size_t> limit_of(int32_t limit) {
  if (limit < 0 || limit > kMostLimit) return invalid("limit: this is no number from 1 to 10000");
  return static_cast<size_t>(limit == 0 ? kDefaultLimit : limit);
}

int32_t small(int64_t count) { return static_cast<int32_t>(std::clamp<int64_t>(count, 0, INT32_MAX)); }

template <class Message>
void put(const ChannelInfo& channel, Message& out) {
  out.set_channel(utf8_of(channel.name));
  out.set_listeners(small(channel.response + channel.stream + channel.websocket));
  out.set_response(small(channel.response));
  out.set_stream(small(channel.stream));
  out.set_websocket(small(channel.websocket));
}

void put(const Answers& answers, v1::NodesAsked& out) {
  out.set_asked(small(static_cast<int64_t>(answers.asked)));
  out.set_answered(small(static_cast<int64_t>(answers.answered)));
}

void put(const NodeInfo& node, v1::NodeInfo& out) {
  out.set_id(utf8_of(node.id));
  out.set_host(utf8_of(node.host));
  out.set_role(utf8_of(node.role));
  out.set_version(utf8_of(node.version));
  out.set_connections(small(node.connections));
  out.set_channels(small(node.channels));
  out.set_uptime_seconds(small(node.uptime));
}

void put(const ConnectionInfo& connection, v1::ConnectionInfo& out) {
  out.set_id(utf8_of(connection.id));
  out.set_node(utf8_of(connection.node));
  out.set_kind(connection.kind);
  out.set_peer(utf8_of(connection.peer));
  for (const auto& channel : connection.channels) out.add_channels(utf8_of(channel));
}

// What is told to one thing that has an id.
template <class Response>
Result<Response> tell(const Caller& caller, const std::string& id, Service& service,
                      Result<void> (Service::*operation)(const Caller&, const std::string&)) {
  if (id.empty()) return invalid("id: empty");
  if (const auto told = (service.*operation)(caller, id); !told) return fail(told.error());
  Response out;
  out.set_id(id);
  return out;
}

}  // namespace

Result<v1::ChannelsResponse> Api::channels(const Caller& caller, const v1::ChannelsRequest& request) {
  const auto limit = limit_of(request.limit());
  if (!limit) return fail(limit.error());
  const auto channels = service_.channels(caller, request.prefix(), *limit);
  if (!channels) return fail(channels.error());
  v1::ChannelsResponse out;
  for (const auto& channel : channels->list) put(channel, *out.add_channels());
  put(channels->answers, *out.mutable_nodes());
  return out;
}

Result<v1::ChannelResponse> Api::channel(const Caller& caller, const v1::ChannelRequest& request) {
  if (request.channel().empty()) return invalid("channel: empty");
  const auto channel = service_.channel(caller, request.channel());
  if (!channel) return fail(channel.error());
  v1::ChannelResponse out;
  put(channel->info, out);
  put(channel->answers, *out.mutable_nodes());
  return out;
}

Result<v1::ConnectionsResponse> Api::connections(const Caller& caller, const v1::ConnectionsRequest& request) {
  const auto limit = limit_of(request.limit());
  if (!limit) return fail(limit.error());
  const auto& kind = request.kind();
  if (!kind.empty() && kind != "response" && kind != "stream" && kind != "websocket")
    return invalid("kind: this is none of response, stream, websocket");
  const auto connections = service_.connections(caller, {request.channel(), kind, *limit});
  if (!connections) return fail(connections.error());
  v1::ConnectionsResponse out;
  for (const auto& connection : connections->list) put(connection, *out.add_connections());
  put(connections->answers, *out.mutable_nodes());
  return out;
}

Result<v1::DisconnectResponse> Api::disconnect(const Caller& caller, const v1::DisconnectRequest& request) {
  return tell<v1::DisconnectResponse>(caller, request.id(), service_, &Service::disconnect);
}

Result<v1::RefreshResponse> Api::refresh(const Caller& caller, const v1::RefreshRequest& request) {
  return tell<v1::RefreshResponse>(caller, request.id(), service_, &Service::refresh);
}

Result<v1::DrainResponse> Api::drain(const Caller& caller, const v1::DrainRequest& request) {
  return tell<v1::DrainResponse>(caller, request.id(), service_, &Service::drain);
}

Result<v1::NodesResponse> Api::nodes(const Caller& caller, const v1::NodesRequest&) {
  const auto nodes = service_.nodes(caller);
  if (!nodes) return fail(nodes.error());
  v1::NodesResponse out;
  for (const auto& node : *nodes) put(node, *out.add_nodes());
  return out;
}

Result<v1::RecoverResponse> Api::recover(const Caller& caller, const v1::RecoverRequest&) {
  if (const auto told = service_.recover(caller); !told) return fail(told.error());
  return v1::RecoverResponse();
}

Result<std::shared_ptr<WatchFeed>> Api::subscribe(const Caller& caller, const v1::SubscribeRequest& request, std::function<void()> ready) {
  return service_.watch(caller, request.channel(), request.since(), std::move(ready));
}

v1::SubscribeResponse to_message(const WatchEvent& event, const std::string& channel) {
  const auto token = [&] { return event.position.known() ? format_token({{channel, event.position}}) : std::string(); };
  v1::SubscribeResponse out;
  switch (event.kind) {
    case WatchEvent::Kind::item: {
      to_message(*event.item, *out.mutable_item()->mutable_item());
      out.mutable_item()->set_position(token());
      const auto since = std::max(event.time.time_since_epoch(), WallTime::duration::zero());
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
      out.mutable_item()->mutable_published()->set_seconds(seconds.count());
      out.mutable_item()->mutable_published()->set_nanos(
          static_cast<int32_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count()));
      break;
    }
    case WatchEvent::Kind::live:
      out.mutable_live()->set_position(token());
      break;
    case WatchEvent::Kind::gap:
      out.mutable_gap()->set_position(token());
      out.mutable_gap()->set_reason(event.reason);
      break;
    case WatchEvent::Kind::ended:
      out.mutable_ended()->set_reason(event.reason);
      break;
  }
  return out;
}

}  // namespace holdfast::control
