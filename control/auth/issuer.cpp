#include "control/auth/issuer.h"

#include <algorithm>

#include "control/auth/key_file.h"
#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

constexpr size_t kLongestName = 256;

tl::unexpected<Error> refuse(std::string text) { return fail(ErrorKind::denied, std::move(text)); }

double in_seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

// A secret as existing libraries take it from a GRIP_URL: text, or base64:...
Result<VerifyKey> secret_of(std::string_view text) {
  if (!text.starts_with("base64:")) return VerifyKey::secret(std::string(text));
  auto decoded = base64_decode(text.substr(7));
  if (!decoded) return invalid("what follows base64: is no base64");
  return VerifyKey::secret(std::move(*decoded));
}

Result<VerifyKey> key_of_file(const std::string& path) {
  auto text = read_key_file(path);
  if (!text) return fail(text.error());
  if (text->find("-----BEGIN ") != std::string::npos) return VerifyKey::pem(*text);
  // Editors end a file with a newline that nobody means to be a part of the secret.
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  return secret_of(*text);
}

// What both allow.
std::vector<std::string> common(const std::vector<std::string>& claimed, const std::vector<std::string>& most) {
  std::vector<std::string> out;
  for (const auto& a : claimed) {
    for (const auto& b : most) {
      if (a.starts_with(b)) {
        out.push_back(a);
      } else if (b.starts_with(a)) {
        out.push_back(b);
      }
    }
  }
  return out;
}

}  // namespace

Result<Issuer> Issuer::load(const IssuerOptions& options, size_t number) {
  Issuer issuer(options, number);
  if (auto loaded = issuer.load_keys(); !loaded) return invalid(options.where + ": " + loaded.error().text);
  // Who knows the secret could claim anything anyway; tokens of a public key come from somebody who may never have heard of Holdfast.
  if (issuer.options_.default_rights.empty()) issuer.options_.default_rights = issuer.keys_.front().key.is_secret() ? "publish" : "none";
  return issuer;
}

Result<void> Issuer::load_keys() {
  const auto& o = options_;
  const int given = static_cast<int>(!o.secret.empty()) + static_cast<int>(!o.key_file.empty()) + static_cast<int>(!o.jwks_file.empty());
  if (given != 1) return invalid("needs one of secret, key_file and jwks_file");
  if (!o.jwks_file.empty()) {
    const auto text = read_key_file(o.jwks_file);
    if (!text) return fail(text.error());
    auto keys = parse_jwks(*text);
    if (!keys) return invalid(o.jwks_file + ": " + keys.error().text);
    keys_ = std::move(*keys);
    has_set_ = true;
    return {};
  }
  auto key = o.secret.empty() ? key_of_file(o.key_file) : secret_of(o.secret);
  if (!key) return invalid((o.secret.empty() ? "key_file: " : "secret: ") + key.error().text);
  keys_.push_back({std::nullopt, std::move(*key)});
  return {};
}

// One key at most: a stranger must not make us try many.
Result<const VerifyKey*> Issuer::key_for(const Jwt& jwt) const {
  const VerifyKey* found = nullptr;
  for (const auto& [id, key] : keys_) {
    if (has_set_ && jwt.key_id ? id != jwt.key_id : key.algorithm() != jwt.algorithm) continue;
    if (found != nullptr) return refuse("the token names no kid, and there are several keys");
    found = &key;
  }
  if (found == nullptr)
    return refuse(has_set_ && jwt.key_id ? "the token's kid is not known here" : "no key here is for the token's algorithm");
  if (found->algorithm() != jwt.algorithm) return refuse("the token's algorithm is not its key's");
  return found;
}

Result<Caller> Issuer::accept(const Jwt& jwt, WallTime now) const {
  const auto key = key_for(jwt);
  if (!key) return fail(key.error());
  if (!(*key)->verifies(jwt.signed_text, jwt.signature)) return refuse("the token's signature is wrong");
  if (auto good = check_times(jwt, std::chrono::duration<double>(now.time_since_epoch()).count()); !good) return fail(good.error());
  if (auto good = check_audience(jwt); !good) return fail(good.error());
  return caller_of(jwt);
}

Result<void> Issuer::check_times(const Jwt& jwt, double now) const {
  const double leeway = in_seconds(options_.leeway), most = in_seconds(options_.max_lifetime);
  if (!jwt.expires) return refuse("the token has no exp");
  if (*jwt.expires <= now - leeway) return refuse("the token has expired");
  if (*jwt.expires > now + most + leeway) return refuse("the token lives longer than max_lifetime allows");
  if (jwt.issued && *jwt.issued > now + leeway) return refuse("the token's iat lies in the future");
  if (jwt.issued && *jwt.expires - *jwt.issued > most + leeway) return refuse("the token lives longer than max_lifetime allows");
  if (jwt.not_before && *jwt.not_before > now + leeway) return refuse("the token is not valid yet");
  return {};
}

// RFC 7519 section 4.1.3: who does not find itself among a token's audiences must refuse it. So does one without a name.
Result<void> Issuer::check_audience(const Jwt& jwt) const {
  const auto& own = options_.audience;
  if (!jwt.audiences && own.empty()) return {};
  if (!jwt.audiences) return refuse("the token has no aud");
  const bool found = !own.empty() && std::find(jwt.audiences->begin(), jwt.audiences->end(), own) != jwt.audiences->end();
  return found ? Result<void>() : refuse("the token is for another audience");
}

Result<Caller> Issuer::caller_of(const Jwt& jwt) const {
  if (jwt.subject.size() > kLongestName || jwt.issuer.size() > kLongestName) return refuse("the token's iss or sub is too long");
  const auto& o = options_;
  const bool all = o.default_rights == "all";
  Caller caller;
  if (jwt.rights) {
    caller.publish = common(jwt.rights->publish, o.publish);
    caller.read = common(jwt.rights->read, o.read);
    caller.operate = jwt.rights->operate && o.operate;
  } else if (o.default_rights != "none") {
    caller.publish = o.publish;
    if (all) caller.read = o.read;
    caller.operate = all && o.operate;
  }
  caller.name = !jwt.subject.empty() ? jwt.subject : !jwt.issuer.empty() ? jwt.issuer : "a token's bearer";
  // With its length before it, no issuer's end can pass for a subject's beginning.
  caller.identity = "jwt " + std::to_string(number_) + " " + std::to_string(jwt.issuer.size()) + " " + jwt.issuer + jwt.subject;
  caller.rate = static_cast<double>(o.rate);
  caller.burst = static_cast<double>(o.burst > 0 ? o.burst : o.rate);
  caller.until = WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(*jwt.expires) + o.leeway));
  return caller;
}

}  // namespace holdfast::control
