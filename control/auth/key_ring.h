#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/auth/issuer.h"
#include "control/auth/options.h"
#include "control/caller.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// Every key as the files had them at one time. Immutable. Threads: any.
class KeyRing {
 public:
  // Errors: `invalid`, naming the entry or the file; a token, a certificate or a name that stands for two callers.
  static Result<std::shared_ptr<const KeyRing>> load(const AuthOptions& options);

  bool empty() const { return tokens_.empty() && certificates_.empty() && issuers_.empty(); }
  // Errors of both: denied, with a text for the one who asks. `token`: as it follows "Bearer".
  Result<Caller> by_token(std::string_view token, WallTime now) const;
  // `names`: all that the certificate says of its owner.
  Result<Caller> by_certificate(const std::vector<std::string>& names) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Token {
    Digest digest;  // of the token: so that the time of a comparison tells nothing, whatever the lengths
    std::shared_ptr<const Caller> caller;
  };

  Result<void> add_masters(const AuthOptions& options);
  Result<void> add_caller(const CallerOptions& options);
  Result<void> add_token(std::string_view token, const std::shared_ptr<const Caller>& caller);
  static Digest digest_of(std::string_view token);
  const Caller* find(const Digest& digest) const;

  std::vector<Token> tokens_;
  std::unordered_map<std::string, std::shared_ptr<const Caller>> certificates_;
  std::vector<Issuer> issuers_;
};

}  // namespace holdfast::control
