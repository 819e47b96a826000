#include "control/http/operations.h"

#include <nlohmann/json.hpp>

#include "control/http/authenticate.h"
#include "control/http/query.h"
#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

using Json = nlohmann::json;

constexpr size_t kDefaultLimit = 100;
constexpr size_t kMostLimit = 10'000;

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Answer good(const Json& json) { return {.type = "application/json", .body = to_text(json)}; }

Answer problem(int status, std::string_view title, std::string_view detail) {
  return {.status = status,
          .type = "application/problem+json",
          .body = to_text({{"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}})};
}

Answer not_found(std::string_view detail) { return problem(404, "Not Found", detail); }

Answer refusal(const Error& error) {
  switch (error.kind) {
    case ErrorKind::invalid:
    case ErrorKind::too_large:
      return problem(400, "Bad Request", error.text);
    case ErrorKind::denied: {
      Answer answer = problem(403, "Forbidden", error.text);
      answer.fields.push_back(insufficient_scope());
      return answer;
    }
    case ErrorKind::exhausted: {
      Answer answer = problem(429, "Too Many Requests", error.text);
      answer.fields.emplace_back("Retry-After", retry_after(error));
      return answer;
    }
    case ErrorKind::not_found:
      return not_found(error.text);
    default:
      return problem(503, "Service Unavailable", error.text);
  }
}

Answer wrong_method(std::string_view allowed) {
  Answer answer = problem(405, "Method Not Allowed", "Use " + std::string(allowed) + ".");
  answer.fields.emplace_back("Allow", allowed);
  return answer;
}

Json to_json(const ChannelInfo& channel) {
  return {{"channel", channel.name},
          {"listeners", channel.response + channel.stream + channel.websocket},
          {"response", channel.response},
          {"stream", channel.stream},
          {"websocket", channel.websocket}};
}

Json to_json(const Answers& answers) { return {{"asked", answers.asked}, {"answered", answers.answered}}; }

Answer nodes(const Caller& caller, Service& service) {
  const auto nodes = service.nodes(caller);
  if (!nodes) return refusal(nodes.error());
  Json list = Json::array();
  for (const auto& node : *nodes) {
    list.push_back({{"id", node.id},
                    {"host", node.host},
                    {"role", node.role},
                    {"version", node.version},
                    {"connections", node.connections},
                    {"channels", node.channels},
                    {"uptimeSeconds", node.uptime}});
  }
  return good({{"nodes", std::move(list)}});
}

Answer channels(const Request& request, const Caller& caller, Service& service) {
  size_t limit = kDefaultLimit;
  if (const auto text = query_parameter(request.query, "limit")) {
    const auto number = parse_uint(*text);
    if (!number || *number == 0 || *number > kMostLimit) return problem(400, "Bad Request", "limit is a number from 1 to 10000.");
    limit = static_cast<size_t>(*number);
  }
  const auto channels = service.channels(caller, query_parameter(request.query, "prefix").value_or(""), limit);
  if (!channels) return refusal(channels.error());
  Json list = Json::array();
  for (const auto& channel : channels->list) list.push_back(to_json(channel));
  return good({{"channels", std::move(list)}, {"nodes", to_json(channels->answers)}});
}

Answer channel(std::string_view encoded, const Caller& caller, Service& service) {
  const auto name = percent_decode(encoded, false);
  if (!name || name->empty()) return problem(400, "Bad Request", "The channel's name is not well encoded.");
  const auto channel = service.channel(caller, *name);
  if (!channel) return refusal(channel.error());
  Json out = to_json(channel->info);
  out["nodes"] = to_json(channel->answers);
  return good(out);
}

Answer connection(std::string_view rest, const Caller& caller, Service& service) {
  const size_t slash = rest.find('/');
  const std::string id(rest.substr(0, slash));
  const auto verb = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  if (verb != "refresh" && verb != "disconnect") return not_found("A connection is told to refresh or to disconnect.");
  const auto told = verb == "refresh" ? service.refresh(caller, id) : service.disconnect(caller, id);
  if (!told) return refusal(told.error());
  return good({{"id", id}});
}

}  // namespace

Answer answer_operation(const Request& request, const Caller& caller, Service& service) {
  const auto path = request.path.substr(4);
  const bool get = request.method == "GET";
  if (path == "nodes") return get ? nodes(caller, service) : wrong_method("GET");
  if (path == "channels") return get ? channels(request, caller, service) : wrong_method("GET");
  if (path.starts_with("channels/")) return get ? channel(path.substr(9), caller, service) : wrong_method("GET");
  if (path.starts_with("connections/"))
    return request.method == "POST" ? connection(path.substr(12), caller, service) : wrong_method("POST");
  return not_found("There is no such operation.");
}

}  // namespace holdfast::control
