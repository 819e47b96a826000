#pragma once

#include <string>
#include <vector>

#include "gateway/base/options.h"
#include "gateway/config/loader.h"

namespace holdfast {

// The configuration in effect as YAML, every option included. Secrets appear as "(set)": those declared as such, and in structures
// whatever stands under a key of `secret_keys` ("signature_key").
std::string print_config(const OptionSet& set, const Structures& structures, const std::vector<std::string>& secret_keys);

}  // namespace holdfast
