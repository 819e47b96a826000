#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/options.h"

namespace holdfast::control {

// Somebody who is known here by a token of its own or by a client certificate. One entry of control.auth.callers.
struct CallerOptions {
  std::string where;  // for messages: "holdfast.yaml:12: control.auth.callers[0]"
  std::string name;
  std::string token;                 // in the configuration itself, or
  std::string token_file;            // one token per line: the old and the new one while they change
  std::string certificate;           // the common name, or a DNS name, URI or mail address of the certificate
  std::vector<std::string> publish;  // beginnings of channels' names; "" stands for every channel
  std::vector<std::string> read;
  bool operate = false;
  int64_t rate = 0;   // items in a second; 0: any number
  int64_t burst = 0;  // 0: one second's worth
};

// Somebody who signs tokens (JWT) that others bring. One entry of control.auth.jwt.
struct IssuerOptions {
  std::string where;
  std::string issuer;     // what "iss" must be; empty: anything
  std::string audience;   // what "aud" must have; empty: tokens with an audience are refused
  std::string secret;     // shared with it: text, or base64:... ; or
  std::string key_file;   // that secret, or a PUBLIC KEY in PEM; or
  std::string jwks_file;  // a JWK set; "kid" chooses among its keys
  Duration max_lifetime = std::chrono::hours(1);
  Duration leeway = std::chrono::minutes(1);  // by which clocks may differ
  std::string default_rights;                 // of tokens that claim none: none, publish or all
  // The most that its tokens may do, whatever they claim.
  std::vector<std::string> publish = {""};
  std::vector<std::string> read = {""};
  bool operate = false;
  int64_t rate = 0;  // of each subject
  int64_t burst = 0;
};

// Who may use the doors of the control side. Nothing given: doors ask nobody, and so are for loopback only.
struct AuthOptions {
  std::vector<std::string> tokens;  // each may do everything
  std::string token_file;
  std::vector<CallerOptions> callers;
  std::vector<IssuerOptions> issuers;
};
// The tokens that may do everything; callers and issuers are structures.
void declare(OptionSet& set, AuthOptions& options);

// The files that keys are read from, for whoever watches them.
std::vector<std::string> files_of(const AuthOptions& options);

}  // namespace holdfast::control
