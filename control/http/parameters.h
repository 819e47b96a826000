#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast::control {

// The parameters of a query, decoded. Errors (invalid) name the parameter: one that is not among `known`, is given twice, or whose value is
// not well encoded UTF-8.
Result<std::map<std::string, std::string>> read_query(std::string_view query, const std::vector<std::string_view>& known);

// A name in a path, decoded. Errors: as above; `what` is how it is called. A name without a byte is one too.
Result<std::string> read_name(std::string_view segment, std::string_view what);

}  // namespace holdfast::control
