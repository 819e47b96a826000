#pragma once

#include <string>
#include <vector>

#include "gateway/base/options.h"

namespace holdfast {

// Dotted keys as the nested sections that a file has, in the order in which they were declared.
struct OptionTree {
  std::string name;                // "" at the top
  const Option* option = nullptr;  // null: a section
  std::vector<OptionTree> children;
};

// Borrows the options of `set`.
OptionTree option_tree(const OptionSet& set);

}  // namespace holdfast
