#include <cstdint>
#include <string>
#include <string_view>

#include "control/auth/authenticator.h"
#include "control/auth/jwks.h"
#include "control/auth/jwt.h"
#include "gateway/base/log.h"
#include "tests/fuzz/check.h"

// The value of an Authorization field as a stranger sends it, and a key set, any bytes. Nobody gets in without the secret.

using namespace holdfast;
using namespace holdfast::control;

namespace {

struct Door {
  SystemClock clock;
  Metrics metrics;
  Authenticator authenticator{
      {.tokens = {"0123456789abcdef"}, .issuers = {{.secret = "a secret that no input has in it"}}}, clock, metrics};
  Door() {
    log::configure(log::Level::off, log::Format::text);
    check(authenticator.load().has_value());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Door door;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)parse_jwks(text);
  if (const auto jwt = parse_jwt(text)) check(text.starts_with(jwt->signed_text));
  const auto caller = door.authenticator.authenticate("Bearer " + text);
  check(caller || caller.error().text.find_first_of("\"\\\r\n") == std::string::npos);
  check(!caller || text.find("0123456789abcdef") != std::string::npos);
  (void)door.authenticator.authenticate(text, {text});
  return 0;
}
