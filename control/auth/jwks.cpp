#include "control/auth/jwks.h"

#include <algorithm>

#include <simdjson.h>

#include "gateway/base/text.h"
#include "gateway/message/json_reader.h"

namespace holdfast::control {
namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;

constexpr size_t kMostKeys = 64;

std::string text_of(const JsonValue& value) {
  std::string_view text;
  return value && value->get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

// Empty: missing or no base64url.
std::string bytes_of(const JsonValue& value) { return base64url_decode(text_of(value)).value_or(""); }

// nullopt: of a kind or for a use that has no place here.
std::optional<Result<VerifyKey>> key_of(Object jwk) {
  const auto [kty, use, crv, n, e, x, y, k] = pick(jwk, {"kty", "use", "crv", "n", "e", "x", "y", "k"});
  if (use && text_of(use) != "sig") return std::nullopt;
  const std::string kind = text_of(kty);
  if (kind == "RSA") return VerifyKey::rsa(bytes_of(n), bytes_of(e));
  if (kind == "oct") return VerifyKey::secret(bytes_of(k));
  if (kind == "EC" && text_of(crv) == "P-256") return VerifyKey::p256(bytes_of(x), bytes_of(y));
  return std::nullopt;
}

Result<void> add_key(const Element& element, const std::string& place, std::vector<NamedKey>& keys) {
  Object jwk;
  if (element.get(jwk) != simdjson::SUCCESS) return invalid(place + " is no object");
  const auto [kid, alg] = pick(jwk, {"kid", "alg"});
  auto key = key_of(jwk);
  if (!key) return {};
  if (!*key) return invalid(place + ": " + key->error().text);
  if (alg && text_of(alg) != (*key)->algorithm()) return {};
  NamedKey named{std::nullopt, std::move(**key)};
  if (kid) named.id = text_of(kid);
  const auto same = [&](const NamedKey& other) { return other.id == named.id; };
  if (named.id && std::any_of(keys.begin(), keys.end(), same)) return invalid(place + ": its kid is another key's too");
  keys.push_back(std::move(named));
  return {};
}

}  // namespace

Result<std::vector<NamedKey>> parse_jwks(std::string_view text) {
  simdjson::dom::parser parser;
  Element root;
  simdjson::dom::array list;
  if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS) return invalid("no JSON");
  if (root.at_key("keys").get(list) != simdjson::SUCCESS) return invalid("no JWK set: it has no list \"keys\"");
  std::vector<NamedKey> keys;
  size_t index = 0;
  for (const Element element : list) {
    if (index >= kMostKeys) return invalid("more than 64 keys");
    if (auto added = add_key(element, "keys[" + std::to_string(index++) + "]", keys); !added) return fail(added.error());
  }
  if (keys.empty()) return invalid("none of its keys can check RS256, ES256 or HS256");
  return keys;
}

}  // namespace holdfast::control
