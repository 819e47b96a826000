#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast {

// A header value of the form `first; name=value; name="quoted"; flag`.
struct HeaderParams {
  std::string first;
  std::vector<std::pair<std::string, std::string>> params;  // in order; names in lower case

  const std::string* find(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
};

// One value, or a comma list of them. Quoted strings may hold commas, semicolons and escapes.
Result<std::vector<HeaderParams>> parse_params_list(std::string_view value);
Result<HeaderParams> parse_params(std::string_view value);  // commas are ordinary

}  // namespace holdfast
