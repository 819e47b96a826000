#include "gateway/config/yaml_tree.h"

#include <sstream>
#include <unordered_map>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "gateway/base/text.h"
#include "gateway/config/config_file.h"

namespace holdfast {
namespace {

// Leaves the parser; what is wrong has been noted.
struct GiveUp {};

// Builds the tree from the parser's events instead of from its own node type: bounds apply while it reads, every key keeps its line, and
// keys given twice are seen (the library's map keeps both and finds the first).
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, ConfigProblems& problems) : file_(file), problems_(problems) {}

  ConfigNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) give_up(mark, "a second document; a configuration is one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "", anchor);
    place(node(ConfigNode::Kind::null, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { give_up(mark, "anchors and aliases are not supported"); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check(mark, tag, anchor);
    // The library makes a lone byte of some escapes ("\N").
    if (!valid_utf8(value)) give_up(mark, "an escape that is not supported");
    ConfigNode scalar = node(ConfigNode::Kind::scalar, mark);
    scalar.text = value;
    place(std::move(scalar));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check(mark, tag, anchor);
    open(ConfigNode::Kind::list, mark);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check(mark, tag, anchor);
    open(ConfigNode::Kind::map, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or map whose end has not come yet.
  struct Open {
    ConfigNode node;
    bool has_key = false;  // of a map: the next node is the value of `key`
    std::string key, key_where;
    std::unordered_map<std::string, std::string> where_of_key;
  };

  std::string where(const YAML::Mark& mark) const { return file_ + ":" + std::to_string(mark.line + 1); }

  [[noreturn]] void give_up(const YAML::Mark& mark, const std::string& what) {
    problems_.add(where(mark) + ": " + what);
    throw GiveUp();
  }

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) give_up(mark, "anchors and aliases are not supported");
    // "?" is what the library calls no tag, "!" no tag on quoted text.
    const bool plain = tag.empty() || tag == "?" || tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!plain) give_up(mark, "tags are not supported");
    if (++nodes_ > ConfigLimits::kNodes) give_up(mark, "more than " + std::to_string(ConfigLimits::kNodes) + " values");
  }

  ConfigNode node(ConfigNode::Kind kind, const YAML::Mark& mark) const {
    ConfigNode out;
    out.kind = kind;
    out.where = where(mark);
    return out;
  }

  void open(ConfigNode::Kind kind, const YAML::Mark& mark) {
    if (stack_.size() == ConfigLimits::kDepth) give_up(mark, "nested more than " + std::to_string(ConfigLimits::kDepth) + " levels deep");
    stack_.emplace_back().node = node(kind, mark);
  }

  void close() {
    ConfigNode done = std::move(stack_.back().node);
    stack_.pop_back();
    place(std::move(done));
  }

  void place(ConfigNode done) {
    if (stack_.empty()) {
      root_ = std::move(done);
    } else if (stack_.back().node.is_list()) {
      stack_.back().node.children.push_back(std::move(done));
    } else if (stack_.back().has_key) {
      place_value(stack_.back(), std::move(done));
    } else {
      place_key(stack_.back(), std::move(done));
    }
  }

  void place_key(Open& map, ConfigNode key) {
    if (!key.is_scalar()) {
      problems_.add(key.where + ": a key must be a word, not " + std::string(kind_name(key.kind)));
      throw GiveUp();
    }
    if (key.text.size() > ConfigLimits::kKeyBytes) {
      problems_.add(key.where + ": a key longer than " + std::to_string(ConfigLimits::kKeyBytes) + " bytes");
      throw GiveUp();
    }
    map.has_key = true;
    map.key = std::move(key.text);
    map.key_where = std::move(key.where);
  }

  void place_value(Open& map, ConfigNode value) {
    map.has_key = false;
    const auto [first, fresh] = map.where_of_key.emplace(map.key, map.key_where);
    if (!fresh) {
      problems_.add(map.key_where + ": key '" + shown(map.key) + "' is given twice, first at " + first->second);
      return;
    }
    value.key = std::move(map.key);
    value.where = std::move(map.key_where);
    map.node.children.push_back(std::move(value));
  }

  const std::string& file_;
  ConfigProblems& problems_;
  ConfigNode root_;
  std::vector<Open> stack_;
  size_t nodes_ = 0;
  size_t documents_ = 0;
};

// Depth is bounded by ConfigLimits.
void name_paths(ConfigNode& node) {
  for (size_t i = 0; i < node.children.size(); ++i) {
    ConfigNode& child = node.children[i];
    child.path = node.path;
    if (node.is_list()) {
      child.path.append("[").append(std::to_string(i)).append("]");
    } else {
      child.path.append(node.path.empty() ? "" : ".").append(shown(child.key));
    }
    name_paths(child);
  }
}

// The library takes a quote that is never closed for good if the file ends in a line break: everything below a forgotten quote would
// silently be part of one value. After a last line without a break it says that the quote is open; a comment is such a line.
std::string closed(std::string_view text) { return std::string(text).append(text.ends_with('\n') ? "#" : "\n#"); }

}  // namespace

ConfigNode read_yaml(std::string_view text, const std::string& name, ConfigProblems& problems) {
  TreeBuilder builder(name, problems);
  try {
    std::istringstream stream(closed(text));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const GiveUp&) {
    return {};
  } catch (const YAML::Exception& e) {
    problems.add(name + ":" + std::to_string(e.mark.line + 1) + ": " + e.msg);
    return {};
  } catch (const std::exception& e) {
    problems.add(name + ": " + e.what());
    return {};
  }
  ConfigNode root = builder.take_root();
  if (root.kind != ConfigNode::Kind::map && root.kind != ConfigNode::Kind::null) {
    problems.add(root.where + ": expected a map of options, not " + std::string(kind_name(root.kind)));
    return {};
  }
  name_paths(root);
  return root;
}

}  // namespace holdfast
