#pragma once

#include <string>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace holdfast {

// Whether somebody accepts connections there. Blocks, at most for `patience` after the name is looked up; nothing is sent.
// Errors: unavailable, for people to read.
Result<void> reach_tcp(const std::string& host, const std::string& port, Duration patience);
Result<void> reach_unix(const std::string& path);

}  // namespace holdfast
