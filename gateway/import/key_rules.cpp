#include "gateway/import/key_rules.h"

#include <algorithm>

namespace holdfast::importing {

namespace {

using As = CarriedKey::As;
using Lost = OtherKey::Lost;

// The keys of all versions from 1.20 to 1.41.
constexpr CarriedKey kCarried[] = {
    {"runner/client_buffer_size", "edge.max_request_head", As::number, "8192"},
    {"runner/client_maxconn", "edge.max_connections", As::number, "50000", "Of one loop; Pushpin counts all."},
    {"runner/allow_compression", "websocket.compression.enabled", As::flag, "false"},
    {"proxy/debug", "proxy.debug", As::flag},
    {"proxy/auto_cross_origin", "proxy.auto_cross_origin", As::flag},
    {"proxy/accept_x_forwarded_protocol", "proxy.accept_x_forwarded_proto", As::flag},
    {"proxy/x_forwarded_for", "proxy.x_forwarded_for"},
    {"proxy/x_forwarded_for_trusted", "proxy.x_forwarded_for_trusted"},
    {"proxy/orig_headers_need_mark", "proxy.orig_headers_need_mark"},
    {"proxy/accept_pushpin_route", "proxy.accept_route_header", As::flag},
    {"proxy/cdn_loop", "proxy.cdn_loop"},
    {"proxy/sig_iss", "proxy.signing.issuer", As::text, ""},
    {"proxy/sig_key", "proxy.signing.key", As::text, ""},
    {"proxy/upstream_key", "proxy.upstream_key"},
    {"proxy/sockjs_url", "websocket.sockjs_url"},
    {"handler/push_in_spec", "control.zmq.pull"},
    {"handler/push_in_sub_connect", "control.zmq.sub_connect", As::flag},
    {"handler/command_spec", "control.zmq.command"},
    {"handler/stats_spec", "control.zmq.stats"},
    {"handler/stats_format", "control.zmq.stats_format", As::text, "tnetstring"},
    {"handler/stats_report_interval", "control.zmq.report_interval", As::seconds},
    {"handler/stats_subscription_ttl", "control.zmq.subscription_ttl", As::seconds},
    {"global/stats_connection_ttl", "control.zmq.connection_ttl", As::seconds},
    {"handler/push_in_http_max_headers_size", "control.http.max_head", As::number, "10000"},
    {"handler/push_in_http_max_body_size", "control.http.max_body", As::number},
    {"handler/message_rate", "delivery.rate", As::limit},
    {"handler/message_hwm", "delivery.high_water_mark", As::limit},
    {"handler/message_wait", "delivery.reorder_wait", As::milliseconds},
    {"handler/id_cache_ttl", "delivery.id_cache_ttl", As::seconds, "0s"},
    {"handler/subscription_linger", "delivery.subscription_linger", As::seconds},
    {"handler/connection_subscription_max", "hold.channels_per_connection", As::number},
};

// Carried by code of their own, or used while reading.
constexpr std::string_view kSpecial[] = {
    "global/include",
    "global/libdir",
    "global/rundir",
    "global/ipc_prefix",
    "global/port_offset",
    "runner/rundir",
    "runner/http_port",
    "runner/https_ports",
    "runner/local_ports",
    "runner/log_level",
    "proxy/routesfile",
    "proxy/set_x_forwarded_protocol",
    "handler/push_in_http_addr",
    "handler/push_in_http_port",
    "handler/push_in_sub_specs",
    "handler/push_in_sub_spec",
    "handler/prometheus_port",
    "proxy/prometheus_port",
    "handler/update_on_first_subscription",
};

constexpr OtherKey kOther[] = {
    {"runner/services", Lost::never, "this is one program; serve --role runs a half of it"},
    {"runner/logdir", Lost::never, "the log goes to standard error: systemd or the container keeps it"},
    {"runner/condure_bin", Lost::never, "this is one program"},
    {"runner/zurl_bin", Lost::never, "this is one program"},
    {"runner/mongrel2_bin", Lost::never, "this is one program"},
    {"runner/m2sh_bin", Lost::never, "this is one program"},
    {"proxy/workers", Lost::never, "loops says how many threads there are; by default one per core"},
    {"proxy/max_open_requests", Lost::never, "upstream.max_connections_per_target bounds requests to a backend"},
    {"proxy/inspect_timeout", Lost::never, "there are no two parts here that could wait for each other"},
    {"proxy/inspect_prefetch", Lost::never, "request bodies are streamed"},
    {"proxy/updates_check", Lost::never, "this program asks nobody about updates"},
    {"proxy/organization_name", Lost::never, "this program asks nobody about updates"},
    {"proxy/log_from", Lost::if_on, "requests are not logged one by one: log them in the balancer in front"},
    {"proxy/log_user_agent", Lost::if_on, "requests are not logged one by one: log them in the balancer in front"},
    {"proxy/ipc_file_mode", Lost::never, "there are no sockets between parts"},
    {"proxy/stats_report_interval", Lost::never, "handler.stats_report_interval counts"},
    {"proxy/prometheus_prefix", Lost::if_on, "metrics begin with holdfast_: rename them with metric_relabel_configs of Prometheus"},
    {"handler/prometheus_prefix", Lost::if_on, "metrics begin with holdfast_: rename them with metric_relabel_configs of Prometheus"},
    {"handler/ipc_file_mode", Lost::if_on, "ipc sockets get the mode that the umask leaves: set UMask= of the systemd unit"},
    {"handler/state_spec", Lost::if_on, "there is no session store: have the backend keep what it needs in Grip-Set-Meta"},
    {"handler/share_all", Lost::if_on, "identical requests are not collapsed: put a cache in front of the backend"},
    {"handler/message_block_size", Lost::if_on, "stats count messages and not blocks"},
    {"global/stats_connection_send", Lost::if_off, "connections are always told on the stats socket"},
};

std::vector<std::string_view> all_keys() {
  std::vector<std::string_view> out;
  for (const auto& rule : kCarried) out.push_back(rule.key);
  out.insert(out.end(), std::begin(kSpecial), std::end(kSpecial));
  for (const auto& rule : kOther) out.push_back(rule.key);
  return out;
}

}  // namespace

std::span<const CarriedKey> carried_keys() { return kCarried; }

const OtherKey* other_key(std::string_view key) {
  const auto* found = std::find_if(std::begin(kOther), std::end(kOther), [&](const OtherKey& rule) { return rule.key == key; });
  return found == std::end(kOther) ? nullptr : found;
}

bool is_handled(std::string_view key) {
  return std::any_of(std::begin(kCarried), std::end(kCarried), [&](const CarriedKey& rule) { return rule.key == key; }) ||
         std::find(std::begin(kSpecial), std::end(kSpecial), key) != std::end(kSpecial);
}

const std::vector<std::string_view>& known_keys() {
  static const std::vector<std::string_view> keys = all_keys();
  return keys;
}

}  // namespace holdfast::importing
