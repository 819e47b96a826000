#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/options.h"
#include "gateway/config/config_node.h"

namespace holdfast {

// Pieces of YAML that any reader takes the same way: text that could be taken for a number, a truth value or nothing is quoted.
std::string yaml_text(std::string_view text);
// Always between quotes: JSON's text, which YAML reads alike.
std::string quoted_text(std::string_view text);
// The values of an option as they stand after its key: plain numbers, quoted text, "[a, b]" for lists.
std::string yaml_values(const Option& option, const std::vector<std::string>& values);

// What is shown instead of a secret that is set.
inline constexpr std::string_view kSecretShown = "\"(set)\"";

// "key: value" with everything below it, at that indentation; what stands under one of `secret_keys` is not shown.
void append_yaml(std::string& out, const ConfigNode& node, std::string_view key, size_t indent,
                 const std::vector<std::string>& secret_keys);

}  // namespace holdfast
