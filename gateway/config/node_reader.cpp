#include "gateway/config/node_reader.h"

#include "gateway/base/nearest_word.h"
#include "gateway/base/options.h"

namespace holdfast {
namespace {

// One value through the same parser, bounds and words as a declared option.
template <class Declare>
bool parse_as_option(const ConfigNode* node, ConfigProblems& problems, Declare declare) {
  if (node == nullptr) return false;
  OptionSet one;
  declare(one);
  const auto done = one.options().front().set({node->text});
  if (!done) problems.add(node->problem(done.error().text));
  return done.has_value();
}

}  // namespace

bool read_texts(const ConfigNode& node, std::vector<std::string>& values, ConfigProblems& problems) {
  if (node.is_scalar()) {
    values = {node.text};
    return true;
  }
  if (!node.is_list()) {
    problems.add(node.problem("expected a list of texts, not " + std::string(kind_name(node.kind))));
    return false;
  }
  bool good = true;
  for (const ConfigNode& element : node.children) {
    if (element.is_scalar()) {
      values.push_back(element.text);
    } else {
      problems.add(element.problem("expected a single value, not " + std::string(kind_name(element.kind))));
      good = false;
    }
  }
  return good;
}

NodeReader::NodeReader(const ConfigNode& node, ConfigProblems& problems) : node_(node), problems_(problems) {
  if (!node.is_map()) problems.add(node.problem("expected a map, not " + std::string(kind_name(node.kind))));
}

const ConfigNode* NodeReader::any(std::string_view key) {
  asked_.emplace(key);
  return node_.find(key);
}

const ConfigNode* NodeReader::of_kind(std::string_view key, ConfigNode::Kind kind, std::string_view expected) {
  const ConfigNode* node = any(key);
  if (node == nullptr || node->kind == kind) return node;
  problems_.add(node->problem("expected " + std::string(expected) + ", not " + std::string(kind_name(node->kind))));
  return nullptr;
}

const ConfigNode* NodeReader::map(std::string_view key) {
  const ConfigNode* node = any(key);
  return node == nullptr || node->kind == ConfigNode::Kind::null ? nullptr : of_kind(key, ConfigNode::Kind::map, "a map");
}

const ConfigNode* NodeReader::list(std::string_view key) {
  const ConfigNode* node = any(key);
  return node == nullptr || node->kind == ConfigNode::Kind::null ? nullptr : of_kind(key, ConfigNode::Kind::list, "a list");
}

bool NodeReader::text(std::string_view key, std::string& value) {
  return parse_as_option(of_kind(key, ConfigNode::Kind::scalar, "a single value"), problems_,
                         [&](OptionSet& set) { set.text("value", value, ""); });
}

bool NodeReader::boolean(std::string_view key, bool& value) {
  return parse_as_option(of_kind(key, ConfigNode::Kind::scalar, "true or false"), problems_,
                         [&](OptionSet& set) { set.boolean("value", value, ""); });
}

bool NodeReader::integer(std::string_view key, int64_t& value, int64_t low, int64_t high) {
  return parse_as_option(of_kind(key, ConfigNode::Kind::scalar, "a whole number"), problems_,
                         [&](OptionSet& set) { set.integer("value", value, "").range(low, high); });
}

bool NodeReader::duration(std::string_view key, Duration& value) {
  return parse_as_option(of_kind(key, ConfigNode::Kind::scalar, "a time"), problems_,
                         [&](OptionSet& set) { set.duration("value", value, ""); });
}

bool NodeReader::size(std::string_view key, uint64_t& value) {
  return parse_as_option(of_kind(key, ConfigNode::Kind::scalar, "a size"), problems_,
                         [&](OptionSet& set) { set.size("value", value, ""); });
}

bool NodeReader::texts(std::string_view key, std::vector<std::string>& values) {
  const ConfigNode* node = any(key);
  if (node == nullptr) return false;
  std::vector<std::string> read;
  if (!read_texts(*node, read, problems_)) return false;
  OptionSet one;
  const auto done = one.text_list("value", values, "").set(read);
  if (!done) problems_.add(node->problem(done.error().text));
  return done.has_value();
}

void NodeReader::require(std::string_view key) {
  if (node_.is_map() && any(key) == nullptr) problems_.add(node_.problem("needs '" + std::string(key) + "'"));
}

void NodeReader::finish() {
  if (!node_.is_map()) return;
  const std::vector<std::string_view> known(asked_.begin(), asked_.end());
  for (const ConfigNode& child : node_.children) {
    if (asked_.contains(child.key)) continue;
    const std::string_view nearest = problems_.full() ? "" : nearest_word(child.key, known);
    std::string text = "unknown key";
    if (!nearest.empty()) text.append("; did you mean '").append(nearest).append("'?");
    problems_.add(child.problem(text));
  }
}

std::vector<const ConfigNode*> element_maps(const ConfigNode* list, ConfigProblems& problems) {
  std::vector<const ConfigNode*> out;
  if (list == nullptr || list->kind == ConfigNode::Kind::null) return out;
  if (!list->is_list()) {
    problems.add(list->problem("expected a list of maps, not " + std::string(kind_name(list->kind))));
    return out;
  }
  for (const ConfigNode& element : list->children) {
    if (element.is_map()) {
      out.push_back(&element);
    } else {
      problems.add(element.problem("expected a map, not " + std::string(kind_name(element.kind))));
    }
  }
  return out;
}

}  // namespace holdfast
