#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast::control {

// The rights that a token claims: {"holdfast": {"publish": [...], "read": [...], "operate": true}}.
struct ClaimedRights {
  std::vector<std::string> publish, read;  // beginnings of channels' names
  bool operate = false;
};

// A JSON Web Token (RFC 7519) in its compact form, taken apart. Nothing in it is true before its signature is verified.
struct Jwt {
  std::string algorithm;
  std::optional<std::string> key_id;
  std::string issuer, subject;                        // empty: none
  std::optional<std::vector<std::string>> audiences;  // one or several
  std::optional<double> expires, not_before, issued;  // seconds since 1970
  std::optional<ClaimedRights> rights;

  std::string_view signed_text;  // into the token that was parsed
  std::string signature;
};

// Errors: denied, with a text for the one who sent it: not three parts of base64url, no JSON objects, members of wrong types, extensions
// that must be understood ("crit"), longer than 8 KiB.
Result<Jwt> parse_jwt(std::string_view token);

}  // namespace holdfast::control
