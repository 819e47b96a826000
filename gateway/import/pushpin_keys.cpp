#include "gateway/import/pushpin_keys.h"

#include <algorithm>
#include <optional>
#include <span>

#include "gateway/base/nearest_word.h"
#include "gateway/base/text.h"
#include "gateway/import/key_rules.h"

namespace holdfast::importing {

namespace {

std::string place_of(const PushpinSettings& settings, std::string_view key) {
  const IniEntry* entry = settings.find(key);
  return entry == nullptr ? std::string() : entry->where;
}

std::vector<std::string> converted(const CarriedKey& rule, const PushpinSettings& settings) {
  const std::string key(rule.key);
  switch (rule.as) {
    case CarriedKey::As::text:
      return std::vector{settings.text(key)};
    case CarriedKey::As::flag:
      return std::vector<std::string>{settings.flag(key) ? "true" : "false"};
    case CarriedKey::As::number:
      return std::vector{settings.text(key)};
    case CarriedKey::As::limit: {  // Pushpin takes 0 and less for "none"
      const auto number = settings.number(key);
      return std::vector{number && *number < 0 ? "0" : settings.text(key)};
    }
    case CarriedKey::As::seconds:
      return std::vector{settings.text(key) + "s"};
    case CarriedKey::As::milliseconds:
      return std::vector{settings.text(key) + "ms"};
  }
  return {""};
}

bool is_empty_by_default(const Imported& out, std::string_view option) {
  const Option* found = out.options().find(option);
  return found != nullptr && found->default_value == std::vector<std::string>{""};
}

void carry(const CarriedKey& rule, const PushpinSettings& settings, Imported& out) {
  if (!settings.has(rule.key)) {
    if (rule.if_absent) out.set(rule.option, {std::string(*rule.if_absent)}, {}, {}, shown_key(rule.key) + " is not given.");
    return;
  }
  // An empty number is none: the key is as good as absent.
  const bool number = rule.as != CarriedKey::As::text && rule.as != CarriedKey::As::flag;
  if (number && settings.text(rule.key).empty()) return;
  const auto values = converted(rule, settings);
  // Nothing is said that goes without saying.
  if (values.front().empty() && is_empty_by_default(out, rule.option)) return;
  out.set(rule.option, values, shown_key(rule.key), place_of(settings, rule.key), rule.remark);
}

void carry_log_level(const PushpinSettings& settings, Imported& out) {
  constexpr std::string_view kKey = "runner/log_level";
  const std::string where = place_of(settings, kKey);
  for (const auto& part : settings.list(kKey)) {
    if (part.find(':') != std::string::npos) {
      out.note(Note::Kind::replaced, shown_key(kKey), where, "'" + part + "' is for one of Pushpin's parts: here is one level for all");
      continue;
    }
    const auto level = parse_uint(part);
    if (!level) continue;
    constexpr std::string_view kLevels[] = {"error", "warn", "info", "debug", "trace"};
    out.set("log.level", {std::string(kLevels[std::min<uint64_t>(*level, 4)])}, shown_key(kKey), where);
  }
}

void carry_forwarded_protocol(const PushpinSettings& settings, Imported& out) {
  constexpr std::string_view kKey = "proxy/set_x_forwarded_protocol";
  const std::string value = settings.text(kKey);
  const std::string carried = value == "proto-only" ? "proto-only" : settings.flag(kKey) ? "yes" : "no";
  const bool given = settings.has(kKey);
  out.set("proxy.set_x_forwarded_proto", {carried}, given ? shown_key(kKey) : "", place_of(settings, kKey),
          given ? "" : "proxy.set_x_forwarded_protocol is not given.");
}

void carry_rerequest(const PushpinSettings& settings, Imported& out) {
  constexpr std::string_view kKey = "handler/update_on_first_subscription";
  const bool always = !settings.has(kKey) || settings.flag(kKey);
  out.set("hold.rerequest", {always ? "always" : "never"}, settings.has(kKey) ? shown_key(kKey) : "", place_of(settings, kKey),
          always ? "As Pushpin does: a second after a channel's first subscription its backend is asked again. With auto it is asked only "
                   "when a message may have been missed."
                 : "");
}

bool on_loopback(std::string_view host) { return host.starts_with("127.") || host == "localhost" || host == "[::1]" || host == "::1"; }

void carry_publish_door(const PushpinSettings& settings, Imported& out) {
  constexpr std::string_view kPort = "handler/push_in_http_port";
  constexpr std::string_view kAddress = "handler/push_in_http_addr";
  const int64_t port = settings.number(kPort).value_or(0);
  if (port <= 0) return out.set("control.http.address", {""}, {}, {}, "handler.push_in_http_port is not given: nobody publishes by HTTP.");
  std::string host = settings.text(kAddress);
  if (host.empty()) host = "0.0.0.0";
  if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
  out.set("control.http.address", {host + ":" + std::to_string(port + settings.port_offset())}, shown_key(kPort),
          place_of(settings, kPort));
  if (on_loopback(host)) return;
  out.set("control.http.allow_anonymous", {"true"}, shown_key(kAddress), place_of(settings, kAddress));
  out.note(Note::Kind::warning, shown_key(kAddress), place_of(settings, kAddress),
           "publishers reach this door from other machines without a token, as with Pushpin: better set control.http.token_file and take "
           "control.http.allow_anonymous away");
}

void carry_message_sockets(const PushpinSettings& settings, Imported& out) {
  std::vector<std::string> subs = settings.list("handler/push_in_sub_specs");
  for (auto& one : settings.list("handler/push_in_sub_spec")) subs.push_back(std::move(one));
  const bool connects = settings.flag("handler/push_in_sub_connect");
  if (!subs.empty()) out.set("control.zmq.sub", subs, "handler.push_in_sub_specs", place_of(settings, "handler/push_in_sub_specs"));
  std::vector<std::string> bound = {settings.text("handler/push_in_spec"), settings.text("handler/command_spec"),
                                    settings.text("handler/stats_spec")};
  bound.insert(bound.end(), subs.begin(), subs.end());
  const bool open = std::any_of(bound.begin(), bound.end(), [](const std::string& address) {
    return address.starts_with("tcp://") && !on_loopback(std::string_view(address).substr(6));
  });
  if (open) {
    out.set("control.zmq.allow_anonymous", {"true"}, {}, {}, "A socket of these is open to other machines.");
    if (!connects)
      out.note(Note::Kind::warning, "handler.push_in_spec", {},
               "message sockets know no passwords, and one of them is open to other machines: see that only trusted ones get there");
  }
  for (const auto& address : bound) {
    const size_t slash = address.rfind('/');
    if (!address.starts_with("ipc://") || slash < 7) continue;
    out.note(Note::Kind::warning, address, {}, "see that the folder is there when the node starts: Pushpin made its own, this does not");
  }
}

void carry_metrics(const PushpinSettings& settings, Imported& out) {
  for (const std::string_view key : {"handler/prometheus_port", "proxy/prometheus_port"}) {
    std::string address = settings.text(key);
    if (address.empty() || address == "0") continue;
    if (address.find(':') == std::string::npos) address.insert(0, "0.0.0.0:");
    out.set("metrics.address", {address}, shown_key(key), place_of(settings, key));
    out.note(Note::Kind::lost, shown_key(key), place_of(settings, key),
             "the port is carried, but metrics have other names (holdfast_...): change rules and dashboards");
    return;
  }
}

bool is_socket_between_parts(std::string_view key) {
  return (key.starts_with("proxy/") || key.starts_with("handler/")) && (key.ends_with("_spec") || key.ends_with("_specs"));
}

void name_other(const IniEntry& entry, const PushpinSettings& settings, Imported& out) {
  if (is_handled(entry.key)) return;
  const std::string shown = shown_key(entry.key);
  if (const OtherKey* other = other_key(entry.key)) {
    const std::string value = to_lower(settings.text(entry.key));
    const bool is_off = value.empty() || value == "0" || value == "false" || value == "off";
    const bool harmless = other->lost == OtherKey::Lost::never || (other->lost == OtherKey::Lost::if_on && is_off) ||
                          (other->lost == OtherKey::Lost::if_off && !is_off);
    return out.note(harmless ? Note::Kind::replaced : Note::Kind::lost, shown, entry.where, other->instead);
  }
  if (is_socket_between_parts(entry.key))
    return out.note(Note::Kind::replaced, shown, entry.where, "a socket between Pushpin's own parts: this is one program");
  const std::string_view nearest = nearest_word(entry.key, known_keys());
  out.note(Note::Kind::warning, shown, entry.where,
           "Pushpin has no such key and ignores it" + (nearest.empty() ? std::string() : "; was " + shown_key(nearest) + " meant?"));
}

}  // namespace

std::string shown_key(std::string_view key) {
  std::string out(key);
  std::replace(out.begin(), out.end(), '/', '.');
  return out;
}

void carry_keys(const PushpinSettings& settings, Imported& out) {
  for (const CarriedKey& rule : carried_keys()) carry(rule, settings, out);
  carry_log_level(settings, out);
  carry_forwarded_protocol(settings, out);
  carry_rerequest(settings, out);
  carry_publish_door(settings, out);
  carry_message_sockets(settings, out);
  carry_metrics(settings, out);
  out.set("upstream.response_timeout", {"10m"}, {}, {}, "Pushpin waits so long for a backend.");
  for (const IniEntry* entry : settings.main_entries()) name_other(*entry, settings, out);
  if (!settings.missing_include().empty() && !settings.missing_include().ends_with("/internal.conf")) {
    out.note(Note::Kind::lost, "global.include", {}, settings.missing_include() + " cannot be read: import where it is");
  }
}

}  // namespace holdfast::importing
