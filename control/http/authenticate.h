#pragma once

#include <string>
#include <utility>

#include "control/auth/authenticator.h"
#include "control/http/handler.h"

namespace holdfast::control {

// Who sent the request, or the 401 for it. `door` is for the log.
tl::expected<Caller, Answer> authenticate(const Request& request, Authenticator& authenticator, std::string_view door);

// The field of a 403: somebody who is known may not do this (RFC 6750 section 3.1).
std::pair<std::string, std::string> insufficient_scope();
// The value of Retry-After, in whole seconds.
std::string retry_after(const Error& error);

}  // namespace holdfast::control
