#pragma once

#include <string>
#include <vector>

#include "gateway/base/options.h"

namespace holdfast {

// A structural key for the reference: an example says more about a list of maps than a table of types.
struct StructureHelp {
  std::string key;      // "listen"
  std::string help;     // one or more sentences
  std::string example;  // YAML lines with the key, as they would stand in the file
};

// config/reference.yaml: every option with its sentence, type, bounds, default and whether it reloads. Values are commented out ("#key:
// value" beside "# sentence"), so that the file as it stands is valid YAML and equals the defaults. The same declarations give the same
// bytes.
std::string reference_yaml(const OptionSet& set, const std::vector<StructureHelp>& structures);

// The same as a Markdown table.
std::string reference_markdown(const OptionSet& set);

// "Size, 1KiB to 64KiB", "One of: auto, always, never".
std::string describe_type(const Option& option);

}  // namespace holdfast
