#pragma once

#include "gateway/base/options.h"
#include "gateway/config/config_file.h"
#include "gateway/config/config_problems.h"
#include "gateway/config/loader.h"

namespace holdfast {

// Puts what a file says into the options; structural keys go into `structures` as they are.
void apply_file(const ConfigFile& file, const StructuralKeys& structural_keys, OptionSet& set, Structures& structures,
                ConfigProblems& problems);

}  // namespace holdfast
