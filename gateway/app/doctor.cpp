#include "gateway/app/doctor.h"

#include <algorithm>
#include <set>
#include <thread>

#include "adapters/registry.h"
#include "gateway/base/text.h"
#include "gateway/doctor/machine.h"
#include "gateway/doctor/places.h"

namespace holdfast {

namespace {

constexpr Duration kPatience{2'000};

std::vector<doctor::Place> backends_of(const std::vector<Route>& routes) {
  std::vector<doctor::Place> out;
  std::set<std::string> seen;
  for (const auto& route : routes) {
    for (const auto& target : route.targets) {
      if (target.kind != Target::Kind::http) continue;
      const std::string port = std::to_string(target.port);
      const std::string address = target.unix_socket ? "unix:" + target.host : target.host + ":" + port;
      if (seen.insert(address).second)
        out.push_back({"backend " + address + " (" + route.where + ")", target.host, port, target.unix_socket});
    }
  }
  return out;
}

// "HOST:PORT"; nothing for port 0, which is any.
void add_door(const std::string& name, const std::string& address, std::vector<doctor::Place>& out) {
  if (address.starts_with("unix:")) {
    out.push_back({name + " " + address, address.substr(5), {}, true});
    return;
  }
  const size_t colon = address.rfind(':');
  if (address.empty() || colon == std::string::npos || address.substr(colon + 1) == "0") return;
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "*" || host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  out.push_back({name + " " + address, host, address.substr(colon + 1), false});
}

std::vector<doctor::Place> doors_of(const Settings& settings) {
  std::vector<doctor::Place> out;
  if (settings.node.role != "control") {
    for (const auto& listen : settings.listen) add_door("clients", listen.address, out);
  }
  if (settings.node.role != "gateway") {
    add_door("publishers", settings.control.address, out);
    for (const auto& socket : {settings.zmq.pull, settings.zmq.command}) {
      if (socket.starts_with("tcp://")) add_door("publishers", socket.substr(6), out);
    }
  }
  return out;
}

doctor::Plan plan_of(const Settings& settings, size_t backends, std::optional<Duration> grace) {
  doctor::Plan plan;
  const auto cores = std::max<uint64_t>(1, std::thread::hardware_concurrency());
  plan.loops = settings.node.loops > 0 ? static_cast<uint64_t>(settings.node.loops) : cores;
  plan.connections_per_loop = static_cast<uint64_t>(settings.edge.max_connections);
  plan.backends = backends;
  plan.backend_connections = plan.loops * static_cast<uint64_t>(settings.upstream.max_connections_per_target);
  plan.tls = std::any_of(settings.listen.begin(), settings.listen.end(), [](const auto& listen) { return !listen.certificates.empty(); });
  plan.drain = settings.node.drain_delay + settings.node.drain_window;
  plan.grace = grace;
  return plan;
}

void append(Findings& out, Findings more) { std::move(more.begin(), more.end(), std::back_inserter(out)); }

}  // namespace

Findings examine(const Settings& settings, const std::vector<Route>& routes, std::optional<Duration> grace) {
  const auto backends = backends_of(routes);
  Findings out = doctor::judge(doctor::read_machine(""), plan_of(settings, backends.size(), grace));
  append(out, examine_broker(settings.broker));
  append(out, doctor::reach_backends(backends, kPatience));
  // Who answers where metrics are is taken for this node.
  std::vector<doctor::Place> admin;
  add_door("metrics", settings.admin.address, admin);
  const bool running = !admin.empty() && doctor::look_at_doors(admin, true, kPatience).front().state == Finding::State::ok;
  append(out, doctor::look_at_doors(admin, running, kPatience));
  append(out, doctor::look_at_doors(doors_of(settings), running, kPatience));
  return out;
}

}  // namespace holdfast
