#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/options.h"
#include "gateway/config/config_node.h"

namespace holdfast {

// Where a configuration comes from; later sources win: file, environment, flags.
struct ConfigSources {
  std::string file;                                              // "": none
  std::vector<std::pair<std::string, std::string>> environment;  // all of it: only names that begin with HOLDFAST_ are looked at
  std::vector<std::string> assignments;                          // "key=value" of --set, in order
};

// Keys whose values are lists of maps, too rich for an option: "listen", "routes".
using StructuralKeys = std::vector<std::string>;
using Structures = std::map<std::string, ConfigNode, std::less<>>;

struct LoadedConfig {
  Structures structures;  // those that the file has
  std::string folder;     // for relative paths in structures: resolve_path(folder, ...)
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
  bool ok() const { return problems.empty(); }
};

// Reads everything into the members that `set` is bound to. Relative paths of the file count from its folder, those of the environment and
// of flags from the working directory. Lists in the environment and in flags are separated by commas.
// Errors: all of them in `problems`, each naming its place and the nearest known key; the members then hold some of the values and must not
// be used. Unknown HOLDFAST_ variables are only warned about: Kubernetes makes such variables for every service of that name.
LoadedConfig load_config(const ConfigSources& sources, const StructuralKeys& structural_keys, OptionSet& set);

// "HOLDFAST_EDGE_IDLE_TIMEOUT" for "edge.idle_timeout".
std::string environment_name(std::string_view key);
// The environment of this process.
std::vector<std::pair<std::string, std::string>> process_environment();

}  // namespace holdfast
