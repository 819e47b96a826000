#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast::route {

// "VALUE,opt,opt=val": the condition of a route, or one of its targets.
struct LineSection {
  std::string value;
  std::vector<std::pair<std::string, std::optional<std::string>>> options;  // no value: a bare word
};

// Cuts a line of a routes file into its sections, quotes and comments resolved. None: a blank line or a comment.
Result<std::vector<LineSection>> cut_line(std::string_view line);

}  // namespace holdfast::route
