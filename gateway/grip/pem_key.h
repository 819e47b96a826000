#pragma once

#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace holdfast {

// A key in PEM form, looked at as far as a signature must know: the library that signs takes any key text and says "invalid argument"
// to all faults, and for a passphrase it would ask at the terminal.
struct PemKey {
  enum class Kind { rsa, ec_p256 };
  Kind kind = Kind::rsa;
  bool is_private = false;
  std::string pem;  // the key's own block, without what may stand around it (parameters, certificates, remarks)
};

bool looks_like_pem(std::string_view text);

// Takes the first key of the text: PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY or PUBLIC KEY. Errors: no key, an encrypted one, another
// curve than P-256, less than 2048 bits of RSA, another kind of key.
Result<PemKey> read_pem_key(std::string_view text);

}  // namespace holdfast
