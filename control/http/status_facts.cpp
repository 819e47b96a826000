#include "control/http/status_facts.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace holdfast::control {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostLooked = 10'000;  // channels of this node, for the fullest among them
constexpr size_t kMostShown = 20;

int64_t listeners(const ChannelInfo& channel) { return channel.response + channel.stream + channel.websocket; }

int64_t milliseconds(WallTime time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

Json fullest(NodeFacts& node) {
  auto all = node.channels("", kMostLooked);
  const size_t shown = std::min(all.size(), kMostShown);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), all.end(), [](const auto& a, const auto& b) {
    return listeners(a) != listeners(b) ? listeners(a) > listeners(b) : a.name < b.name;
  });
  Json list = Json::array();
  for (size_t i = 0; i < shown; ++i) {
    list.push_back({{"channel", all[i].name},
                    {"listeners", listeners(all[i])},
                    {"response", all[i].response},
                    {"stream", all[i].stream},
                    {"websocket", all[i].websocket}});
  }
  return {{"list", std::move(list)}, {"complete", all.size() < kMostLooked}};
}

Json nodes(Fleet& fleet) {
  Json list = Json::array();
  for (const auto& node : fleet.nodes()) {
    list.push_back({{"id", node.id},
                    {"host", node.host},
                    {"role", node.role},
                    {"version", node.version},
                    {"connections", node.connections},
                    {"channels", node.channels},
                    {"uptimeSeconds", node.uptime}});
  }
  return list;
}

Json gaps(const GapLog& log, bool with_channels) {
  Json list = Json::array();
  for (const auto& gap : log.newest()) {
    Json entry = {{"at", milliseconds(gap.at)}, {"reason", gap.reason}, {"listeners", gap.listeners}};
    if (with_channels) entry["channel"] = gap.channel;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

StatusFacts::StatusFacts(const StatusSources& sources, Metrics& metrics, std::function<Readiness()> readiness)
    : sources_(sources), readiness_(std::move(readiness)), lag_(metrics.histogram("holdfast_delivery_lag_seconds", "", {})) {
  const auto held = [&](const char* mode) { return &metrics.gauge("holdfast_holds", "", {{"mode", mode}}); };
  connections_ = {{"open", &metrics.gauge("holdfast_connections", "")},
                  {"limit", &metrics.gauge("holdfast_connections_limit", "")},
                  {"response", held("response")},
                  {"stream", held("stream")},
                  {"websocket", held("websocket")},
                  {"subscriptions", &metrics.gauge("holdfast_subscriptions", "")}};
  counts_ = {{"deliveries", &metrics.counter("holdfast_deliveries_total", "")},
             {"published", &metrics.counter("holdfast_published_items_total", "")},
             {"refused", &metrics.counter("holdfast_publish_refused_total", "")},
             {"slowClients", &metrics.counter("holdfast_slow_clients_dropped_total", "")}};
}

std::string StatusFacts::json(const StatusAccess& access, bool has_tokens) const {
  const Readiness readiness = readiness_ ? readiness_() : Readiness{};
  Json out = {{"time", milliseconds(SystemClock().wall())},
              {"ready", readiness.ready},
              {"reason", readiness.reason},
              {"broker", sources_.broker},
              {"access", {{"private", access.private_parts}, {"publish", access.publish}, {"tokens", has_tokens}}},
              {"nodes", nodes(*sources_.fleet)},
              {"lag", {{"bounds", lag_.bounds()}, {"counts", lag_.counts()}}},
              {"gaps", gaps(*sources_.gaps, access.private_parts)}};
  for (const auto& [name, count] : connections_) out["connections"][name] = count->value();
  for (const auto& [name, count] : counts_) out["counts"][name] = count->value();
  if (access.private_parts) out["channels"] = fullest(*sources_.node);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace holdfast::control
