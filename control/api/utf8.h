#pragma once

#include <string>
#include <string_view>

namespace holdfast::control {

// Text as a message's string must be. What is not UTF-8 (a name from a header, another producer's content) has each byte beyond ASCII
// replaced: rare, and better read than lost.
std::string utf8_of(std::string_view text);

}  // namespace holdfast::control
