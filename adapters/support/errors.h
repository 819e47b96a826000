#pragma once

#include <string>
#include <utility>

#include "gateway/base/result.h"

namespace holdfast {

// Not now: the caller may try again.
inline tl::unexpected<Error> unavailable(std::string text) { return fail(ErrorKind::unavailable, std::move(text)); }

}  // namespace holdfast
