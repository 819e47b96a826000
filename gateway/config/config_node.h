#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// A piece of a configuration file as it was read, and where it stands. Knows nothing of YAML.
struct ConfigNode {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;            // null: "key:" with nothing after it
  std::string where;                 // "holdfast.yaml:12"
  std::string path;                  // "routes[2].targets[0].host", for messages
  std::string key;                   // its name in the map around it; "" for an element of a list
  std::string text;                  // of a scalar
  std::vector<ConfigNode> children;  // elements of a list, or the values of a map in the order of the file; keys are unique

  const ConfigNode* find(std::string_view name) const;  // the value under that key, or null
  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_scalar() const { return kind == Kind::scalar; }

  // "holdfast.yaml:12: routes[2].host: what".
  std::string problem(std::string_view what) const;
};

// Whether both say the same, wherever it stands: for deciding whether a reload changes anything.
bool same_content(const ConfigNode& a, const ConfigNode& b);

// "a list", "a map", ...: for messages.
std::string_view kind_name(ConfigNode::Kind kind);

// Text from a file as a message may show it: short, without control characters.
std::string shown(std::string_view text);

}  // namespace holdfast
