#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gateway/base/options.h"
#include "gateway/config/config_problems.h"
#include "gateway/config/loader.h"

namespace holdfast {

// HOLDFAST_EDGE_IDLE_TIMEOUT=5s. HOLDFAST_CONFIG names the configuration file and is no option. Values are never repeated in messages.
void apply_environment(const std::vector<std::pair<std::string, std::string>>& environment, const StructuralKeys& structural_keys,
                       OptionSet& set, ConfigProblems& problems, std::vector<std::string>& warnings);

// --set edge.idle_timeout=5s; of two for the same key the later counts.
void apply_assignments(const std::vector<std::string>& assignments, const StructuralKeys& structural_keys, OptionSet& set,
                       ConfigProblems& problems);

}  // namespace holdfast
