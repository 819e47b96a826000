#pragma once

#include <string>
#include <string_view>

#include "gateway/config/config_node.h"
#include "gateway/config/config_problems.h"

namespace holdfast {

// What a configuration file may be at most. Real ones are far below; the bounds keep a hostile or wrong file from taking the memory.
struct ConfigLimits {
  static constexpr size_t kBytes = size_t{1} << 20;
  static constexpr size_t kDepth = 16;
  static constexpr size_t kKeyBytes = 256;
  static constexpr size_t kNodes = 200'000;
};

// One YAML (or JSON) file as it was read: every value with its place, nothing judged but the syntax.
struct ConfigFile {
  std::string name;    // as given, for messages
  std::string folder;  // relative paths in the file count from here; "": the working directory
  ConfigNode root;     // a map, or null for an empty file
  ConfigProblems problems;
};

// Errors: in `problems`: not UTF-8 text, too large, too deep, bad YAML, keys given twice, more than one document, tags and aliases (which
// are not supported: they make small files huge).
ConfigFile parse_config(std::string_view text, std::string name);
// The same for a file; one that cannot be read is a problem too.
ConfigFile read_config(const std::string& path);

// `path` as seen from `folder`; absolute and empty ones stay as they are.
std::string resolve_path(std::string_view folder, std::string_view path);

}  // namespace holdfast
