#pragma once

#include <string>
#include <string_view>

#include "gateway/import/imported.h"

namespace holdfast::importing {

struct RoutesYaml {
  std::string yaml;  // "routes:" and below; empty: there are none
  size_t count = 0;
};

// A routes file as YAML routes, with the reading that Pushpin gives it: an option that it does not know is left out, of one that is given
// twice the last counts, a switch is on whatever its value says, and a line that it cannot use is left out. Each is noted.
RoutesYaml routes_yaml(std::string_view text, std::string_view file_name, Imported& out);

}  // namespace holdfast::importing
