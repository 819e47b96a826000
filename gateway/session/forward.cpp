#include "gateway/session/forward.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/grip/instruct.h"
#include "gateway/session/header_kind.h"

namespace holdfast {

namespace {

// Most headers that forwarding itself adds to a request.
constexpr size_t kAdded = 6;

// The values of a list header that the outer proxies may have written in one line or several.
void add_elements(std::string_view value, std::vector<std::string_view>& out) {
  for (size_t from = 0; from <= value.size();) {
    const size_t comma = std::min(value.find(',', from), value.size());
    if (const auto element = trim(value.substr(from, comma - from)); !element.empty()) out.push_back(element);
    from = comma + 1;
  }
}

void append_element(std::string& list, std::string_view element) {
  if (!list.empty()) list += ", ";
  list += element;
}

bool says_secure(const Headers& headers) {
  auto values = headers.all("X-Forwarded-Proto");
  if (values.empty()) values = headers.all("X-Forwarded-Protocol");
  // All of them, so that a value of the client's before that of the proxy in front does not count.
  return !values.empty() &&
         std::all_of(values.begin(), values.end(), [](std::string_view v) { return iequals(trim(v), "https") || iequals(trim(v), "wss"); });
}

std::string backend_authority(const Target& target) {
  if (target.unix_socket) return "localhost";
  const bool v6 = target.host.find(':') != std::string::npos;
  return (v6 ? '[' + target.host + ']' : target.host) + ':' + std::to_string(target.port);
}

std::string_view host_for(const Route& route, const Target& target, std::string_view asked) {
  if (!target.host_header.empty()) return target.host_header;
  return route.as_host.empty() ? asked : std::string_view(route.as_host);
}

void add_grip(const ForwardRules& rules, const Route& route, const SignatureKey* route_key, WallTime now, Headers& headers) {
  const SignatureKey& key = route_key != nullptr ? *route_key : rules.key;
  const std::string& issuer = route.signature_issuer.empty() ? rules.issuer : route.signature_issuer;
  if (const std::string token = key.sign(issuer, now); !token.empty()) headers.add("Grip-Sig", token);
  headers.add("Grip-Feature", grip_features());
}

void add_forwarded_for(const ForwardedForRule& rule, const std::vector<std::string_view>& values, const PeerInfo& peer, Headers& headers) {
  size_t from = 0;
  if (rule.truncate) from = values.size() - std::min(values.size(), *rule.truncate);
  std::string merged;
  for (size_t i = from; i < values.size(); ++i) append_element(merged, values[i]);
  if (rule.append) append_element(merged, peer.address);
  if (!merged.empty()) headers.add("X-Forwarded-For", merged);
}

void add_forwarded_proto(const ForwardRules& rules, bool secure, Headers& headers) {
  if (!secure || rules.set_forwarded_proto == "no") return;
  headers.add("X-Forwarded-Proto", "https");
  if (rules.set_forwarded_proto == "yes") headers.add("X-Forwarded-Protocol", "https");
}

// A name that some backends cannot tell from one that forwarding treats: a way around it, so it is dropped.
bool is_disguised(HeaderKind kind, std::string_view name) { return kind != HeaderKind::other && name.find('_') != std::string_view::npos; }

bool needs_mark(const ForwardRules& rules, std::string_view name) {
  return std::any_of(rules.need_mark.begin(), rules.need_mark.end(), [&](const std::string& needed) { return same_header(needed, name); });
}

// Copies of what the client sent. A copy the client made itself is believed only where the operator says that somebody in front makes it.
void add_marked_copies(const ForwardRules& rules, const Headers& sent, Headers& headers) {
  std::string name(kMark);
  for (const auto& [sent_name, value] : sent) {
    const HeaderKind kind = header_kind(sent_name);
    if (is_disguised(kind, sent_name)) continue;
    if (kind == HeaderKind::marked) {
      if (needs_mark(rules, std::string_view(sent_name).substr(kMark.size()))) headers.add(sent_name, value);
    } else if (!needs_mark(rules, sent_name)) {
      name.resize(kMark.size());
      name += sent_name;
      headers.add(name, value);
    }
  }
}

// The operator's own headers have the last word, over the client's and over ours.
void apply_route_headers(const Route& route, Headers& headers) {
  if (route.set_headers.empty()) return;
  headers.remove_if([&](const Headers::Field& field) {
    return std::any_of(route.set_headers.begin(), route.set_headers.end(),
                       [&](const auto& set) { return same_header(set.first, field.first); });
  });
  for (const auto& [name, value] : route.set_headers) {
    if (!value.empty()) headers.add(name, value);
  }
}

// Passes a client's headers on, one after the other, and gathers those that are merged into one.
class ClientHeaders {
 public:
  ClientHeaders(const ForwardRules& rules, const Route& route, const Target& target, const RequestFacts& facts, Headers& out)
      : rules_(rules),
        route_(route),
        target_(target),
        facts_(facts),
        for_rule_(facts.trusted ? rules.forwarded_for_trusted : rules.forwarded_for),
        out_(out) {}

  void take(std::string_view name, std::string_view value) {
    const HeaderKind kind = header_kind(name);
    if (!is_disguised(kind, name) && passes(kind, name, value)) out_.add(name, value);
  }

  void finish(const PeerInfo& peer) {
    if (!has_host_) out_.add("Host", host_for(route_, target_, backend_authority(target_)));
    if (for_rule_.active) add_forwarded_for(for_rule_, forwarded_for_, peer, out_);
    if (rules_.cdn_loop.empty()) return;
    append_element(cdn_loop_, rules_.cdn_loop);
    out_.add("CDN-Loop", cdn_loop_);
  }

 private:
  // Whether it goes on as it is. If not, it is dropped, replaced or gathered.
  bool passes(HeaderKind kind, std::string_view name, std::string_view value) {
    switch (kind) {
      case HeaderKind::other:
        return true;
      case HeaderKind::hop:
      case HeaderKind::request_hop:
        return false;
      case HeaderKind::host:
        if (!has_host_) out_.add(name, host_for(route_, target_, value));
        has_host_ = true;
        return false;
      case HeaderKind::grip:
        return facts_.trusted;
      case HeaderKind::marked:
        return facts_.trusted && route_.original_headers;
      case HeaderKind::forwarded_for:
        if (for_rule_.active) add_elements(value, forwarded_for_);
        return !for_rule_.active;
      case HeaderKind::forwarded_proto:
        return !rules_.accept_forwarded_proto && rules_.set_forwarded_proto == "no";
      case HeaderKind::cdn_loop:
        if (rules_.cdn_loop.empty()) return true;
        if (!trim(value).empty()) append_element(cdn_loop_, trim(value));
        return false;
      case HeaderKind::route:
        return !rules_.accept_route_header;
    }
    return true;
  }

  const ForwardRules& rules_;
  const Route& route_;
  const Target& target_;
  const RequestFacts& facts_;
  const ForwardedForRule& for_rule_;
  Headers& out_;
  bool has_host_ = false;
  std::string cdn_loop_;
  std::vector<std::string_view> forwarded_for_;  // values in the head that is being read
};

}  // namespace

RequestFacts judge(const ForwardRules& rules, const RequestHead& head, const PeerInfo& peer, WallTime now) {
  RequestFacts facts;
  if (!rules.upstream_key.empty()) {
    const auto* token = head.headers.find("Grip-Sig");
    facts.trusted = token != nullptr && rules.upstream_key.verify(*token, now);
  }
  facts.secure = peer.tls || (rules.accept_forwarded_proto && says_secure(head.headers));
  return facts;
}

RequestHead forward_head(const ForwardRules& rules, const Route& route, const Target& target, const SignatureKey* route_key,
                         const RequestHead& head, const RequestFacts& facts, const PeerInfo& peer, WallTime now) {
  const bool mark = route.original_headers && !facts.trusted;  // a trusted proxy in front has made the copies
  RequestHead out;
  out.method = head.method;
  out.target = rewrite_target(route, head.target);
  out.headers.reserve(head.headers.size() * (mark ? 2 : 1) + kAdded + route.set_headers.size());

  ClientHeaders client(rules, route, target, facts, out.headers);
  for (const auto& [name, value] : head.headers) client.take(name, value);
  client.finish(peer);
  add_forwarded_proto(rules, facts.secure, out.headers);
  if (!facts.trusted && !route.no_grip) add_grip(rules, route, route_key, now, out.headers);
  if (mark) add_marked_copies(rules, head.headers, out.headers);
  apply_route_headers(route, out.headers);
  return out;
}

RequestHead link_head(const ForwardRules& rules, const Route& route, const Target& target, const SignatureKey* route_key,
                      std::string_view method, std::string_view host, std::string_view path_and_query,
                      const std::vector<std::pair<std::string, std::string>>& last_ids, WallTime now) {
  RequestHead out;
  out.method = method;
  out.target = rewrite_target(route, path_and_query);
  out.headers.reserve(3 + last_ids.size());
  out.headers.add("Host", host_for(route, target, host));
  if (!route.no_grip) add_grip(rules, route, route_key, now, out.headers);
  for (const auto& [channel, id] : last_ids) {
    if (const std::string last = format_grip_last(channel, id); !last.empty()) out.headers.add("Grip-Last", last);
  }
  return out;
}

void strip_response_head(Headers& headers) {
  headers.remove_if([](const Headers::Field& field) { return header_kind(field.first) == HeaderKind::hop; });
}

}  // namespace holdfast
