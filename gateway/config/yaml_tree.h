#pragma once

#include <string>
#include <string_view>

#include "gateway/config/config_node.h"
#include "gateway/config/config_problems.h"

namespace holdfast {

// Reads one YAML document into a tree, within ConfigLimits. The only user of the YAML library for reading. Never throws.
ConfigNode read_yaml(std::string_view text, const std::string& name, ConfigProblems& problems);

}  // namespace holdfast
