#include "gateway/config/print.h"

#include <algorithm>

#include "gateway/config/option_tree.h"
#include "gateway/config/yaml_text.h"

namespace holdfast {
namespace {

std::string shown_values(const Option& option) {
  const std::vector<std::string> values = option.get();
  const bool is_set = std::any_of(values.begin(), values.end(), [](const std::string& value) { return !value.empty(); });
  return option.is_secret && is_set ? std::string(kSecretShown) : yaml_values(option, values);
}

void append_section(std::string& out, const OptionTree& section, size_t indent) {
  for (const OptionTree& child : section.children) {
    out.append(indent, ' ').append(child.name).append(":");
    if (child.option != nullptr) {
      out.append(" ").append(shown_values(*child.option)).append("\n");
    } else {
      out.append("\n");
      append_section(out, child, indent + 2);
    }
  }
}

}  // namespace

std::string print_config(const OptionSet& set, const Structures& structures, const std::vector<std::string>& secret_keys) {
  std::string out;
  append_section(out, option_tree(set), 0);
  for (const auto& [key, node] : structures) append_yaml(out, node, key, 0, secret_keys);
  return out;
}

}  // namespace holdfast
