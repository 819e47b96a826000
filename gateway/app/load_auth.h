#pragma once

#include "control/auth/options.h"
#include "gateway/config/config_problems.h"
#include "gateway/config/loader.h"

namespace holdfast {

inline constexpr const char* kCallersKey = "control.auth.callers";
inline constexpr const char* kIssuersKey = "control.auth.jwt";

// Who is known to the control side, from the structures of those keys.
void read_auth(const LoadedConfig& config, control::AuthOptions& auth, ConfigProblems& problems);

}  // namespace holdfast
