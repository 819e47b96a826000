#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/session/forward.h"

namespace holdfast {

namespace {

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

Result<void> add_rule(std::string_view word, ForwardedForRule& rule) {
  constexpr std::string_view kTruncate = "truncate:";
  if (word == "append") {
    rule.append = true;
    return {};
  }
  if (word.starts_with(kTruncate)) {
    const auto count = parse_uint(word.substr(kTruncate.size()));
    if (!count) return invalid(quoted(word) + " needs the number of values to keep, as in truncate:1");
    rule.truncate = *count;
    return {};
  }
  return invalid(quoted(word) + " is no rule: use truncate:N, append, or both with a comma between");
}

Result<std::vector<std::string>> parse_names(std::string_view text) {
  std::vector<std::string> names;
  for (const auto piece : split(text, ',')) {
    const auto name = trim(piece);
    if (name.empty()) continue;
    if (!is_token(name)) return invalid(quoted(name) + " is no header name");
    names.emplace_back(name);
  }
  return names;
}

// Only what can be one element of the list that CDN-Loop is.
Result<void> check_cdn_loop(std::string_view text) {
  if (!is_field_value(text) || text.find(',') != std::string_view::npos) {
    return invalid(quoted(text) + " can't stand in CDN-Loop: give one name, without commas");
  }
  return {};
}

// The reason for people, or "" if all is well: the form that Option::check wants.
template <class T>
std::string reason(const Result<T>& result) {
  return result ? std::string() : result.error().text;
}

Result<SignatureKey> signing_key(std::string_view text) {
  auto key = SignatureKey::load(text);
  if (key && !key->empty() && !key->can_sign()) return invalid("a public key can't sign: give the private key or a shared secret");
  return key;
}

Result<SignatureKey> verifying_key(std::string_view text) {
  auto key = SignatureKey::load(text);
  if (key && !key->empty() && !key->can_verify()) return invalid("a private key can't verify: give the public key or a shared secret");
  return key;
}

tl::unexpected<Error> at_option(std::string_view key, const Error& error) {
  return fail(error.kind, "proxy." + std::string(key) + ": " + error.text);
}

}  // namespace

void declare(OptionSet& set, ProxyOptions& o) {
  OptionSet::Section section(set, "proxy");
  const auto rule_check = [](std::string_view text) { return reason(parse_forwarded_for_rule(text)); };
  set.text("signing.issuer", o.signature_issuer, "Issuer (iss) of the Grip-Sig token that requests to backends carry; empty: no token.");
  set.text("signing.key", o.signature_key,
           "Key that signs Grip-Sig: a shared secret, base64:..., file:PATH or a PEM private key; empty: no token. The default is known to "
           "everybody, so give your own wherever backends check it.")
      .secret()
      .check([](std::string_view text) { return reason(signing_key(text)); });
  set.text("upstream_key", o.upstream_key,
           "Clients whose Grip-Sig verifies with this key are trusted GRIP proxies: their Grip headers are passed on. Empty: nobody is.")
      .secret()
      .check([](std::string_view text) { return reason(verifying_key(text)); });
  set.boolean("debug", o.debug, "Tells clients in error pages what went wrong between gateway and backend.");
  set.boolean("auto_cross_origin", o.auto_cross_origin, "CORS headers and JSON-P for every route, as the route option aco does for one.");
  set.boolean("accept_x_forwarded_proto", o.accept_x_forwarded_proto,
              "Lets X-Forwarded-Proto of a request say that it came over TLS. Only behind a proxy that overwrites the header.");
  set.choice(
      "set_x_forwarded_proto", o.set_x_forwarded_proto, {"no", "proto-only", "yes"},
      "Whether backends are told of TLS: proto-only by X-Forwarded-Proto, yes by X-Forwarded-Protocol too. Other than with no, what a "
      "client sends under these names is dropped.");
  set.text("x_forwarded_for", o.x_forwarded_for,
           "What becomes of X-Forwarded-For: truncate:N keeps the last N values, append adds the client's address; both with a comma "
           "between. "
           "Empty: it is passed as it is.")
      .check(rule_check);
  set.text("x_forwarded_for_trusted", o.x_forwarded_for_trusted, "The same for requests of trusted GRIP proxies.").check(rule_check);
  set.text("orig_headers_need_mark", o.orig_headers_need_mark,
           "Comma list of headers of which routes with orig_headers take only the copies that a proxy in front has made.")
      .check([](std::string_view text) { return reason(parse_names(text)); });
  set.boolean("accept_route_header", o.accept_route_header, "Lets the request header Pushpin-Route choose a route by its id.");
  set.text("cdn_loop", o.cdn_loop,
           "Name that is added to the CDN-Loop header of requests to backends. Empty: the header is passed as it is.")
      .check([](std::string_view text) { return reason(check_cdn_loop(text)); });
}

Result<ForwardedForRule> parse_forwarded_for_rule(std::string_view text) {
  ForwardedForRule rule;
  if (trim(text).empty()) return rule;
  rule.active = true;
  for (const auto piece : split(text, ',')) {
    if (auto added = add_rule(trim(piece), rule); !added) return fail(added.error());
  }
  return rule;
}

Result<ForwardRules> ForwardRules::make(const ProxyOptions& options) {
  ForwardRules rules;
  auto clients = parse_forwarded_for_rule(options.x_forwarded_for);
  if (!clients) return at_option("x_forwarded_for", clients.error());
  auto trusted = parse_forwarded_for_rule(options.x_forwarded_for_trusted);
  if (!trusted) return at_option("x_forwarded_for_trusted", trusted.error());
  auto names = parse_names(options.orig_headers_need_mark);
  if (!names) return at_option("orig_headers_need_mark", names.error());
  if (auto sane = check_cdn_loop(options.cdn_loop); !sane) return at_option("cdn_loop", sane.error());
  auto key = signing_key(options.signature_key);
  if (!key) return at_option("signing.key", key.error());
  auto upstream_key = verifying_key(options.upstream_key);
  if (!upstream_key) return at_option("upstream_key", upstream_key.error());

  rules.forwarded_for = *clients;
  rules.forwarded_for_trusted = *trusted;
  rules.set_forwarded_proto = options.set_x_forwarded_proto;
  rules.accept_forwarded_proto = options.accept_x_forwarded_proto;
  rules.accept_route_header = options.accept_route_header;
  rules.need_mark = std::move(*names);
  rules.cdn_loop = trim(options.cdn_loop);
  rules.issuer = options.signature_issuer;
  rules.key = std::move(*key);
  rules.upstream_key = std::move(*upstream_key);
  return rules;
}

}  // namespace holdfast
