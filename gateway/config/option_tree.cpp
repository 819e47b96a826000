#include "gateway/config/option_tree.h"

#include <algorithm>
#include <iterator>

#include "gateway/base/text.h"

namespace holdfast {
namespace {

OptionTree& child_named(OptionTree& parent, std::string_view name) {
  const auto found =
      std::find_if(parent.children.begin(), parent.children.end(), [&](const OptionTree& child) { return child.name == name; });
  if (found != parent.children.end()) return *found;
  return parent.children.emplace_back(OptionTree{std::string(name), nullptr, {}});
}

// Options of a section before its sections: what belongs to it directly is seen first.
void options_first(OptionTree& tree) {
  std::vector<OptionTree> options, sections;
  for (OptionTree& child : tree.children) {
    options_first(child);
    (child.option != nullptr ? options : sections).push_back(std::move(child));
  }
  std::move(sections.begin(), sections.end(), std::back_inserter(options));
  tree.children = std::move(options);
}

}  // namespace

OptionTree option_tree(const OptionSet& set) {
  OptionTree root;
  for (const Option& option : set.options()) {
    OptionTree* at = &root;
    for (const std::string_view name : split(option.key, '.')) at = &child_named(*at, name);
    at->option = &option;
  }
  options_first(root);
  return root;
}

}  // namespace holdfast
