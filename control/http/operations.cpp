#include "control/http/operations.h"

#include <optional>

#include "control/api/json.h"
#include "control/http/item_events.h"
#include "control/http/openapi.h"
#include "control/http/parameters.h"
#include "control/http/problem.h"
#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

template <class Response>
Answer say(const Result<Response>& answer) {
  if (!answer) return problem(answer.error());
  return {.type = "application/json", .body = to_json(*answer) + "\n"};
}

std::string value_of(const std::map<std::string, std::string>& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

// What is no number becomes one that no operation takes.
int32_t limit_in(const std::map<std::string, std::string>& query) {
  const auto text = value_of(query, "limit");
  if (text.empty()) return 0;
  const auto number = parse_uint(text);
  return number && *number > 0 && *number <= INT32_MAX ? static_cast<int32_t>(*number) : -1;
}

template <class Request>
Request with_id(const std::string& id) {
  Request out;
  out.set_id(id);
  return out;
}

Answer wrong_method(std::string_view allowed) {
  Answer answer = problem(405, "Use " + std::string(allowed) + ".");
  answer.fields.emplace_back("Allow", allowed);
  return answer;
}

Answer body_fault(const Error& error) {
  if (error.kind == ErrorKind::timeout) return problem(408, error.text);
  return problem(error);
}

}  // namespace

// "*" stands for the name that a path holds.
struct Operations::Route {
  std::string_view method;
  std::vector<std::string_view> path;
  std::string_view name;  // how it is called
  std::vector<std::string_view> query;
  Answer (Operations::*run)(const Call&) const;
};

Answer Operations::answer(const Request& request, const Caller& caller) const {
  static const Route kRoutes[] = {
      {"POST", {"publish"}, {}, {}, &Operations::publish},
      {"GET", {"nodes"}, {}, {}, &Operations::nodes},
      {"GET", {"channels"}, {}, {"prefix", "limit"}, &Operations::channels},
      {"GET", {"channels", "*"}, "channel", {}, &Operations::channel},
      {"GET", {"channels", "*", "items"}, "channel", {"since"}, &Operations::items},
      {"GET", {"connections"}, {}, {"channel", "kind", "limit"}, &Operations::connections},
      {"POST", {"connections", "*", "refresh"}, "id", {}, &Operations::refresh},
      {"POST", {"connections", "*", "disconnect"}, "id", {}, &Operations::disconnect},
      {"POST", {"nodes", "*", "drain"}, "id", {}, &Operations::drain},
      {"POST", {"recover"}, {}, {}, &Operations::recover},
      {"GET", {"openapi.json"}, {}, {}, &Operations::openapi},
  };
  const auto path = split(request.path.substr(kOperations.size()), '/');
  for (const Route& route : kRoutes) {
    if (route.path.size() != path.size()) continue;
    std::optional<std::string_view> encoded;
    bool same = true;
    for (size_t i = 0; i < path.size(); ++i) {
      if (route.path[i] == "*")
        encoded = path[i];
      else
        same = same && route.path[i] == path[i];
    }
    if (!same) continue;
    if (request.method != route.method) return wrong_method(route.method);
    Call call{request, caller, {}, {}};
    if (encoded) {
      auto name = read_name(*encoded, route.name);
      if (!name) return problem(name.error());
      call.name = *std::move(name);
    }
    auto query = read_query(request.query, route.query);
    if (!query) return problem(query.error());
    call.query = *std::move(query);
    return (this->*route.run)(call);
  }
  return problem(404, "There is no such operation; /v1/openapi.json lists them.");
}

Answer Operations::publish(const Call& call) const {
  const auto body = call.request.body.read(max_body_);
  if (!body) return body_fault(body.error());
  v1::PublishRequest request;
  if (const auto read = from_json(*body, request); !read) return problem(read.error());
  const std::string key(call.request.idempotency_key);
  if (!key.empty()) {
    if (!request.idempotency_key().empty() && request.idempotency_key() != key)
      return problem(400, "idempotencyKey: another one than in the field Idempotency-Key");
    if (!valid_utf8(key)) return problem(400, "Idempotency-Key: not UTF-8");
    request.set_idempotency_key(key);
  }
  return say(api_.publish(call.caller, std::move(request), std::string(call.request.traceparent)));
}

Answer Operations::nodes(const Call& call) const { return say(api_.nodes(call.caller, {})); }

Answer Operations::channels(const Call& call) const {
  v1::ChannelsRequest request;
  request.set_prefix(value_of(call.query, "prefix"));
  request.set_limit(limit_in(call.query));
  return say(api_.channels(call.caller, request));
}

Answer Operations::channel(const Call& call) const {
  v1::ChannelRequest request;
  request.set_channel(call.name);
  return say(api_.channel(call.caller, request));
}

Answer Operations::items(const Call& call) const {
  v1::SubscribeRequest request;
  request.set_channel(call.name);
  // What a reader has seen, if it says so, is newer than what its address says.
  request.set_since(call.request.last_event_id.empty() ? value_of(call.query, "since") : std::string(call.request.last_event_id));
  auto events = watch_as_events(api_, call.caller, request);
  if (!events) return problem(events.error());
  return {.events = *std::move(events)};
}

Answer Operations::connections(const Call& call) const {
  v1::ConnectionsRequest request;
  request.set_channel(value_of(call.query, "channel"));
  request.set_kind(value_of(call.query, "kind"));
  request.set_limit(limit_in(call.query));
  return say(api_.connections(call.caller, request));
}

Answer Operations::refresh(const Call& call) const { return say(api_.refresh(call.caller, with_id<v1::RefreshRequest>(call.name))); }

Answer Operations::disconnect(const Call& call) const {
  return say(api_.disconnect(call.caller, with_id<v1::DisconnectRequest>(call.name)));
}

Answer Operations::drain(const Call& call) const { return say(api_.drain(call.caller, with_id<v1::DrainRequest>(call.name))); }

Answer Operations::recover(const Call& call) const { return say(api_.recover(call.caller, {})); }

Answer Operations::openapi(const Call&) const { return {.type = "application/json", .body = std::string(openapi_document())}; }

}  // namespace holdfast::control
