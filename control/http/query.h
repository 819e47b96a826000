#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/text.h"

namespace holdfast::control {

// A value of a query, decoded. nullopt: not given, or broken.
inline std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  for (const auto pair : split(query, '&')) {
    const size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name && equals != std::string_view::npos) return percent_decode(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

}  // namespace holdfast::control
