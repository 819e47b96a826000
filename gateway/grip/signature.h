#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace holdfast {

// A key for Grip-Sig: "text" is a shared secret (HS256), "base64:..." likewise decoded, "file:PATH" is read, without a newline at its end;
// PEM private keys sign RS256 or ES256, PEM public keys verify: each does the one thing only. Immutable. Threads: any.
class SignatureKey {
 public:
  // No text is an empty key, which neither signs nor verifies. Errors: `invalid`, naming the file but never showing the key.
  static Result<SignatureKey> load(std::string_view text);
  bool empty() const;
  bool can_sign() const;    // false for public keys
  bool can_verify() const;  // false for private keys

  // A JWT of {"iss": issuer, "exp": now + 3600}. Cost: tokens of one second and issuer are the same and made once per SignatureKey.
  // "" if the issuer is empty or the key cannot sign.
  std::string sign(std::string_view issuer, WallTime now) const;
  // True if the token is signed by this key and its exp is in the future. Tokens without exp are refused; the algorithm must be the key's.
  bool verify(std::string_view token, WallTime now) const;

 private:
  struct State;
  Result<void> use_pem();

  std::shared_ptr<State> state_;
};

}  // namespace holdfast
