#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::route {

// Text as it may appear in a message: in single quotes, short, without control characters.
std::string shown(std::string_view text);

// yes/no, true/false, on/off, 1/0, in any letter case.
std::optional<bool> parse_switch(std::string_view text);

}  // namespace holdfast::route
