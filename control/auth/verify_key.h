#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace holdfast::control {

// A key that checks signatures of one algorithm: HS256 for a secret, RS256 for RSA, ES256 for the curve P-256. The kind of key decides,
// whatever a token says: no "none", and no public key taken for a secret. Immutable. Threads: any.
class VerifyKey {
 public:
  // Errors of all: `invalid`, without the key. A secret shorter than 16 bytes can be guessed and is refused.
  static Result<VerifyKey> secret(std::string bytes);
  static Result<VerifyKey> pem(const std::string& text);  // the first PUBLIC KEY of the text; a private one does not belong here
  static Result<VerifyKey> rsa(const std::string& modulus, const std::string& exponent);  // big-endian numbers
  static Result<VerifyKey> p256(const std::string& x, const std::string& y);              // 32 bytes each

  std::string_view algorithm() const;
  bool is_secret() const;
  bool verifies(std::string_view text, std::string_view signature) const;

 private:
  struct State;
  explicit VerifyKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  static Result<VerifyKey> of_state(std::shared_ptr<State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace holdfast::control
