#include "gateway/config/loader.h"

#include <unistd.h>

#include "gateway/config/apply_file.h"
#include "gateway/config/config_file.h"
#include "gateway/config/config_problems.h"
#include "gateway/config/overrides.h"

namespace holdfast {

LoadedConfig load_config(const ConfigSources& sources, const StructuralKeys& structural_keys, OptionSet& set) {
  LoadedConfig loaded;
  ConfigProblems problems;
  if (!sources.file.empty()) {
    ConfigFile file = read_config(sources.file);
    problems = std::move(file.problems);
    loaded.folder = file.folder;
    apply_file(file, structural_keys, set, loaded.structures, problems);
  }
  apply_environment(sources.environment, structural_keys, set, problems, loaded.warnings);
  apply_assignments(sources.assignments, structural_keys, set, problems);
  loaded.problems = problems.texts();
  return loaded;
}

std::vector<std::pair<std::string, std::string>> process_environment() {
  std::vector<std::pair<std::string, std::string>> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    const size_t equals = variable.find('=');
    if (equals != std::string_view::npos) out.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return out;
}

}  // namespace holdfast
