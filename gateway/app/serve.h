#pragma once

#include <string>
#include <vector>

namespace holdfast {

// Where the configuration comes from.
struct ConfigSource {
  std::string file;                      // empty: defaults only
  std::vector<std::string> assignments;  // --set key=value
};

// Runs a node until a signal ends it.
int serve(const ConfigSource& source);
int check_config(const ConfigSource& source);
int print_config(const ConfigSource& source);

enum class ReferenceForm { yaml, markdown, json_schema };
int print_reference(ReferenceForm form);

}  // namespace holdfast
