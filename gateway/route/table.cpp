#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <unordered_map>

#include "gateway/route/host.h"
#include "gateway/route/path_template.h"
#include "gateway/route/route.h"

namespace holdfast {

using route::PathTemplate;

namespace {

using Position = uint32_t;  // in routes_

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

// A route's condition without its domain, ready to be tried.
struct Condition {
  const Route* route;
  std::optional<PathTemplate> path;

  std::string_view literal() const { return path ? std::string_view(path->literal()) : std::string_view(route->path_begin); }

  bool matches_path(std::string_view request_path, PathTemplate::Parameters& parameters) const {
    parameters.clear();  // of a candidate that failed
    return path ? path->match(request_path, parameters) : request_path.starts_with(route->path_begin);
  }

  // Sorts the one to prefer first; equal ones stay in the order they were given in.
  auto rank() const {
    return std::make_tuple(route->protocol == Protocol::any, -static_cast<int64_t>(literal().size()), !path.has_value(),
                           path ? -static_cast<int64_t>(path->literal_bytes()) : 0, path && path->takes_rest(), !route->tls.has_value());
  }
};

// Two routes with one identity match the same requests.
auto identity(const Condition& condition) {
  const Route& route = *condition.route;
  const int tls = route.tls ? (*route.tls ? 1 : 0) : -1;
  return std::make_tuple(route.domain, route.protocol, tls, condition.path.has_value(),
                         condition.path ? condition.path->shape() : route.path_begin);
}

std::string name_of(const Route& route, size_t number) { return route.where.empty() ? "route " + std::to_string(number + 1) : route.where; }

// Fills in what the rest relies on. An error text says why the route can't be used.
std::string prepare(Route& route, std::optional<PathTemplate>& path) {
  if (!route.domain.empty() && route.domain != "*") route.domain = route::normal_host(route.domain);
  if (route.domain.empty() && route.id.empty()) return "a route without a domain needs an id";
  if (!route.path_template) return {};
  auto parsed = PathTemplate::parse(*route.path_template);
  if (!parsed) return parsed.error().text;
  path = *std::move(parsed);
  return {};
}

}  // namespace

struct RouteTable::Index {
  std::vector<Condition> conditions;       // one per route, same positions
  TextMap<std::vector<Position>> domains;  // best first
  TextMap<std::vector<Position>> ids;      // more than one: unusable

  const std::vector<Position>* of_domain(std::string_view host) const {
    auto found = domains.find(host);
    if (found == domains.end()) found = domains.find(std::string_view("*"));
    return found == domains.end() ? nullptr : &found->second;
  }
};

std::shared_ptr<const RouteTable> RouteTable::make(std::vector<Route> routes, std::vector<std::string>* warnings) {
  const auto warn = [&](std::string text) {
    if (warnings != nullptr) warnings->push_back(std::move(text));
  };
  auto table = std::make_shared<RouteTable>();
  auto index = std::make_shared<Index>();
  std::vector<std::string> names;
  std::map<decltype(identity(std::declval<Condition>())), Position> seen;
  // Conditions point into routes_, so it may not grow again.
  table->routes_.reserve(routes.size());
  index->conditions.reserve(routes.size());
  for (size_t number = 0; number < routes.size(); ++number) {
    Route& given = routes[number];
    const std::string name = name_of(given, number);
    std::optional<PathTemplate> path;
    if (const std::string problem = prepare(given, path); !problem.empty()) {
      warn(std::string(name).append(": ").append(problem).append("; this route is left out"));
      continue;
    }
    const auto position = static_cast<Position>(table->routes_.size());
    if (!given.domain.empty()) {
      const auto [first, fresh] = seen.emplace(identity({&given, path}), position);
      if (!fresh) {
        warn(name + ": the same condition as " + names[first->second] + "; this route is left out");
        continue;
      }
    }
    table->routes_.push_back(std::move(given));
    const Route& route = table->routes_.back();
    names.push_back(name);
    index->conditions.push_back({&route, std::move(path)});
    if (!route.domain.empty()) index->domains[route.domain].push_back(position);
    if (route.id.empty()) continue;
    auto& same_id = index->ids[route.id];
    if (!same_id.empty()) warn(name + ": id '" + route.id + "' is also that of " + names[same_id.front()] + "; it picks neither");
    same_id.push_back(position);
  }
  for (auto& entry : index->domains) {
    std::sort(entry.second.begin(), entry.second.end(), [&](Position a, Position b) {
      return std::make_pair(index->conditions[a].rank(), a) < std::make_pair(index->conditions[b].rank(), b);
    });
  }
  table->index_ = std::move(index);
  return table;
}

RouteMatch RouteTable::match(const RouteQuery& query) const {
  RouteMatch out;
  if (index_ == nullptr) return out;
  const std::string_view path = query.path.substr(0, query.path.find('?'));
  if (!query.route_id.empty()) {
    const auto found = index_->ids.find(query.route_id);
    if (found == index_->ids.end()) return out;
    if (found->second.size() == 1) {
      const Condition& condition = index_->conditions[found->second.front()];
      if (!condition.matches_path(path, out.parameters)) return {};
      out.route = condition.route;
      return out;
    }
  }
  const auto* candidates = index_->of_domain(route::normal_host(query.host));
  if (candidates == nullptr) return out;
  const Protocol protocol = query.websocket ? Protocol::websocket : Protocol::http;
  for (const Position position : *candidates) {
    const Condition& condition = index_->conditions[position];
    const Route& route = *condition.route;
    if (route.protocol != Protocol::any && route.protocol != protocol) continue;
    if (route.tls && *route.tls != query.tls) continue;
    if (!condition.matches_path(path, out.parameters)) continue;
    out.route = &route;
    return out;
  }
  return {};
}

}  // namespace holdfast
