#include "control/auth/jwt.h"

#include <simdjson.h>

#include "gateway/base/text.h"
#include "gateway/message/json_reader.h"

namespace holdfast::control {
namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;

constexpr size_t kLongest = 8 * 1024;

tl::unexpected<Error> wrong(std::string text) { return fail(ErrorKind::denied, std::move(text)); }

// These say whether the member is missing or as it must be.
bool read_text(const JsonValue& value, std::string& out) {
  std::string_view text;
  if (!value) return true;
  if (value->get(text) != simdjson::SUCCESS) return false;
  out = text;
  return true;
}

bool read_seconds(const JsonValue& value, std::optional<double>& out) {
  double seconds = 0;
  if (!value) return true;
  if (value->get(seconds) != simdjson::SUCCESS) return false;
  out = seconds;
  return true;
}

bool read_texts(const JsonValue& value, std::vector<std::string>& out) {
  simdjson::dom::array list;
  if (!value) return true;
  if (value->get(list) != simdjson::SUCCESS) return false;
  for (const Element element : list) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) return false;
    out.emplace_back(text);
  }
  return true;
}

bool read_audiences(const JsonValue& value, std::optional<std::vector<std::string>>& out) {
  if (!value) return true;
  std::string_view one;
  if (value->get(one) == simdjson::SUCCESS) {
    out = {std::string(one)};
    return true;
  }
  return read_texts(value, out.emplace());
}

bool read_rights(const JsonValue& value, std::optional<ClaimedRights>& out) {
  Object object;
  if (!value) return true;
  if (value->get(object) != simdjson::SUCCESS) return false;
  const auto [publish, read, operate] = pick(object, {"publish", "read", "operate"});
  auto& rights = out.emplace();
  return read_texts(publish, rights.publish) && read_texts(read, rights.read) &&
         (!operate || operate->get(rights.operate) == simdjson::SUCCESS);
}

Result<void> read_header(Object header, Jwt& jwt) {
  const auto [alg, kid, crit] = pick(header, {"alg", "kid", "crit"});
  if (crit) return wrong("the token has extensions that are not understood here");
  if (!alg || !read_text(alg, jwt.algorithm)) return wrong("the token names no algorithm");
  if (kid && !read_text(kid, jwt.key_id.emplace())) return wrong("the token's kid is no text");
  return {};
}

Result<void> read_claims(Object claims, Jwt& jwt) {
  const auto [iss, sub, aud, exp, nbf, iat, rights] = pick(claims, {"iss", "sub", "aud", "exp", "nbf", "iat", "holdfast"});
  const auto claim = [](const char* name) { return wrong(std::string("the token's ") + name + " has a wrong type"); };
  if (!read_text(iss, jwt.issuer)) return claim("iss");
  if (!read_text(sub, jwt.subject)) return claim("sub");
  if (!read_audiences(aud, jwt.audiences)) return claim("aud");
  if (!read_seconds(exp, jwt.expires)) return claim("exp");
  if (!read_seconds(nbf, jwt.not_before)) return claim("nbf");
  if (!read_seconds(iat, jwt.issued)) return claim("iat");
  if (!read_rights(rights, jwt.rights)) return claim("holdfast claim");
  return {};
}

// One part as the object that it must be, given to `read`.
Result<void> read_part(std::string_view part, Jwt& jwt, Result<void> (*read)(Object, Jwt&)) {
  const auto text = base64url_decode(part);
  if (!text) return wrong("the token is not in base64url");
  simdjson::dom::parser parser;
  Element root;
  Object object;
  if (parser.parse(simdjson::padded_string(*text)).get(root) != simdjson::SUCCESS || root.get(object) != simdjson::SUCCESS)
    return wrong("the token is not made of JSON objects");
  return read(object, jwt);
}

}  // namespace

Result<Jwt> parse_jwt(std::string_view token) {
  if (token.size() > kLongest) return wrong("the token is too long");
  const auto parts = split(token, '.');
  if (parts.size() != 3) return wrong("the token is not known here");
  Jwt jwt;
  if (auto read = read_part(parts[0], jwt, read_header); !read) return fail(read.error());
  if (auto read = read_part(parts[1], jwt, read_claims); !read) return fail(read.error());
  auto signature = base64url_decode(parts[2]);
  if (!signature) return wrong("the token is not in base64url");
  jwt.signature = std::move(*signature);
  jwt.signed_text = token.substr(0, token.rfind('.'));
  return jwt;
}

}  // namespace holdfast::control
