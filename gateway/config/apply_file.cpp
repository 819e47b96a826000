#include "gateway/config/apply_file.h"

#include "gateway/config/known_keys.h"
#include "gateway/config/node_reader.h"

namespace holdfast {
namespace {

class FileWalk {
 public:
  FileWalk(const ConfigFile& file, const StructuralKeys& structural_keys, OptionSet& set, Structures& structures, ConfigProblems& problems)
      : folder_(file.folder), known_(set, structural_keys), set_(set), structures_(structures), problems_(problems) {}

  void section(const ConfigNode& map, const std::string& prefix) {
    for (const ConfigNode& child : map.children) value(child, prefix + child.key);
  }

 private:
  void value(const ConfigNode& node, const std::string& key) {
    if (known_.is_structural(key)) {
      if (is_first(node, key)) structures_.emplace(key, node);
    } else if (Option* option = set_.find(key); option != nullptr) {
      if (is_first(node, key)) apply(node, *option);
    } else if (known_.is_section(key)) {
      enter(node, key);
    } else {
      problems_.add(problems_.full() ? std::string() : node.where + ": " + known_.unknown(key));
    }
  }

  // "key:" with nothing below is a section whose options are all commented out.
  void enter(const ConfigNode& node, const std::string& key) {
    if (node.is_map()) {
      section(node, key + ".");
    } else if (node.kind != ConfigNode::Kind::null) {
      problems_.add(node.problem("is a section: its options stand below it"));
    }
  }

  // The same key twice in one map was refused before; this finds "edge.x" beside "edge: {x: ...}".
  bool is_first(const ConfigNode& node, const std::string& key) {
    const auto [first, fresh] = where_of_key_.emplace(key, node.where);
    if (!fresh) problems_.add(node.where + ": key '" + key + "' is given twice, first at " + first->second);
    return fresh;
  }

  void apply(const ConfigNode& node, Option& option) {
    std::vector<std::string> values;
    if (!read_values(node, option, values)) return;
    if (option.type == OptionType::path) values[0] = resolve_path(folder_, values[0]);
    if (const auto done = option.set(values); !done) problems_.add(node.problem(done.error().text));
  }

  bool read_values(const ConfigNode& node, const Option& option, std::vector<std::string>& values) {
    if (node.kind == ConfigNode::Kind::null) {
      problems_.add(node.problem("has no value; leave the line out for the default"));
      return false;
    }
    if (option.type == OptionType::text_list) return read_texts(node, values, problems_);
    if (node.is_scalar()) {
      values = {node.text};
      return true;
    }
    problems_.add(node.problem("expected a single value, not " + std::string(kind_name(node.kind))));
    return false;
  }

  const std::string& folder_;
  const KnownKeys known_;
  OptionSet& set_;
  Structures& structures_;
  ConfigProblems& problems_;
  std::map<std::string, std::string> where_of_key_;
};

}  // namespace

void apply_file(const ConfigFile& file, const StructuralKeys& structural_keys, OptionSet& set, Structures& structures,
                ConfigProblems& problems) {
  FileWalk(file, structural_keys, set, structures, problems).section(file.root, "");
}

}  // namespace holdfast
