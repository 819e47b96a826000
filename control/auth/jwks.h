#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/verify_key.h"

namespace holdfast::control {

struct NamedKey {
  std::optional<std::string> id;  // "kid"
  VerifyKey key;
};

// The keys of a JWK set (RFC 7517) that can check signatures here: RSA, EC with P-256, and oct. Those of other kinds or for other uses are
// left out, as the RFC asks. Errors: `invalid`: no JWK set, a damaged key, two of one kid, none that can be used, more than 64.
Result<std::vector<NamedKey>> parse_jwks(std::string_view text);

}  // namespace holdfast::control
