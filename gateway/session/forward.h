#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/options.h"
#include "gateway/grip/signature.h"
#include "gateway/net/exchange.h"
#include "gateway/net/http.h"
#include "gateway/route/route.h"

namespace holdfast {

// Options of forwarding, section "proxy".
struct ProxyOptions {
  std::string signature_issuer = "pushpin";  // proxy.signing.issuer
  std::string signature_key = "changeme";    // proxy.signing.key
  std::string upstream_key;                  // trusts GRIP proxies in front that sign with it
  bool debug = false;
  bool auto_cross_origin = false;
  bool accept_x_forwarded_proto = false;
  std::string set_x_forwarded_proto = "proto-only";  // no | proto-only | yes
  std::string x_forwarded_for;                       // rules: truncate:N, append
  std::string x_forwarded_for_trusted;
  std::string orig_headers_need_mark;
  bool accept_route_header = false;
  std::string cdn_loop;
};
void declare(OptionSet& set, ProxyOptions& options);

// X-Forwarded-For rules, read once.
struct ForwardedForRule {
  bool active = false;             // an empty rule passes the header as is
  std::optional<size_t> truncate;  // keep the last N
  bool append = false;
};
Result<ForwardedForRule> parse_forwarded_for_rule(std::string_view text);

// What forwarding needs, made once from the options. Immutable; threads: any.
struct ForwardRules {
  ForwardedForRule forwarded_for, forwarded_for_trusted;
  std::string set_forwarded_proto;
  bool accept_forwarded_proto = false;
  bool accept_route_header = false;
  std::vector<std::string> need_mark;
  std::string cdn_loop;
  std::string issuer;
  SignatureKey key, upstream_key;

  static Result<ForwardRules> make(const ProxyOptions& options);
};

// Facts about one request, judged once when it arrives.
struct RequestFacts {
  bool trusted = false;  // its Grip-Sig verifies with upstream_key
  bool secure = false;   // TLS, or an accepted X-Forwarded-Proto says so
};
RequestFacts judge(const ForwardRules& rules, const RequestHead& head, const PeerInfo& peer, WallTime now);

// The head that goes to the backend: rewritten target, Host, hop-by-hop and Grip-* rules, X-Forwarded-*, CDN-Loop, marked copies, route
// headers, Grip-Sig and Grip-Feature. Framing headers are left out. `route_key`: the route's own key, or null for the node's.
RequestHead forward_head(const ForwardRules& rules, const Route& route, const Target& target, const SignatureKey* route_key,
                         const RequestHead& head, const RequestFacts& facts, const PeerInfo& peer, WallTime now);

// A GET or POST of the proxy's own, to a next or gone link: Host, Grip-Sig, Grip-Feature and Grip-Last only.
RequestHead link_head(const ForwardRules& rules, const Route& route, const Target& target, const SignatureKey* route_key,
                      std::string_view method, std::string_view host, std::string_view path_and_query,
                      const std::vector<std::pair<std::string, std::string>>& last_ids, WallTime now);

// Takes hop-by-hop headers and Content-Length out of a backend's response head: this hop's framing is the exchange's. Content-Encoding
// stays, since nothing here decodes content.
void strip_response_head(Headers& headers);

// A link resolved against the URI of the request it answers. `internal`: same scheme, host and port, so the route serves it itself.
struct ResolvedLink {
  bool tls = false;
  std::string host;  // with port if it was written
  std::string path_and_query;
  bool internal = true;
};
Result<ResolvedLink> resolve_link(bool base_tls, std::string_view base_host, std::string_view base_path_and_query, std::string_view link);

}  // namespace holdfast
