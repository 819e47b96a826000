#pragma once

#include <string>
#include <vector>

#include "control/auth/jwks.h"
#include "control/auth/jwt.h"
#include "control/auth/options.h"
#include "control/caller.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// One who signs tokens, with the keys as they were read. Immutable. Threads: any.
class Issuer {
 public:
  // `number`: which entry it is; a part of its callers' identity. Errors: `invalid`, naming the entry.
  static Result<Issuer> load(const IssuerOptions& options, size_t number);

  // Whether the token says it comes from here. That is not verified, and decides only who is asked.
  bool meant_by(const Jwt& jwt) const { return options_.issuer.empty() || options_.issuer == jwt.issuer; }
  // Errors: denied, with a text for the one who sent the token.
  Result<Caller> accept(const Jwt& jwt, WallTime now) const;

 private:
  Issuer(IssuerOptions options, size_t number) : options_(std::move(options)), number_(number) {}
  Result<void> load_keys();
  Result<const VerifyKey*> key_for(const Jwt& jwt) const;
  Result<void> check_times(const Jwt& jwt, double now) const;
  Result<void> check_audience(const Jwt& jwt) const;
  Result<Caller> caller_of(const Jwt& jwt) const;

  IssuerOptions options_;
  size_t number_;
  bool has_set_ = false;  // a JWK set: kid chooses
  std::vector<NamedKey> keys_;
};

}  // namespace holdfast::control
