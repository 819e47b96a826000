#pragma once

#include <string_view>

#include "gateway/base/result.h"

namespace holdfast::route {

bool has_control(std::string_view text);  // any byte below 0x20, or DEL

// Text that names something in logs and messages: UTF-8 without control characters.
Result<void> check_text(std::string_view text);

// A path as it stands in a request line: begins with '/', visible ASCII, no query. A blank here would end up in a request line.
Result<void> check_path(std::string_view text);

}  // namespace holdfast::route
