#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace holdfast {

// Text with directives: `%X` and `%(argument)X`, X being a letter; `%%` is a percent sign; in an argument `\` takes the next
// character as it is. `resolve` says what a directive becomes; the argument is empty if there is none.
using Resolve = std::function<Result<std::string>(char directive, std::string_view argument)>;

struct Expansion {
  std::string text;
  size_t used = 0;  // how much of the input that is: a directive cut off by the end is left over
};
Result<Expansion> expand(std::string_view text, const Resolve& resolve);

// The same for a whole text, where a directive that is cut off is an error.
Result<std::string> expand_all(std::string_view text, const Resolve& resolve);

}  // namespace holdfast
