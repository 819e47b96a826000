#include "gateway/config/json_schema.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/config/option_tree.h"
#include "gateway/config/reference.h"
#include "gateway/config/yaml_text.h"

namespace holdfast {
namespace {

constexpr std::string_view kSizeForm = "^[0-9]+ ?(([kKmMgGtT][iI]?)?[bB])?$";
constexpr std::string_view kDurationForm = "^[0-9]+ ?([mM][sS]|[dDhHmMsS])?$";
constexpr int64_t kSecond = 1000;

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (size_t i = 0; i < texts.size(); ++i) out.append(i == 0 ? "" : ", ").append(quoted_text(texts[i]));
  return out + "]";
}

void append_bounds(std::string& out, int64_t minimum, int64_t maximum) {
  if (minimum != INT64_MIN) out.append(", \"minimum\": ").append(std::to_string(minimum));
  if (maximum != INT64_MAX) out.append(", \"maximum\": ").append(std::to_string(maximum));
}

// A number, or text of a form: the bounds hold for the number. No anyOf, whose complaints name every branch.
void append_amount(std::string& out, std::string_view form, int64_t minimum, int64_t maximum) {
  out.append("\"type\": [\"integer\", \"string\"], \"pattern\": ").append(quoted_text(form));
  append_bounds(out, std::max<int64_t>(minimum, 0), maximum);
}

void append_duration(std::string& out, const Option& option) {
  const int64_t low = option.minimum == INT64_MIN ? INT64_MIN : (option.minimum + kSecond - 1) / kSecond;
  const int64_t high = option.maximum == INT64_MAX ? INT64_MAX : option.maximum / kSecond;
  append_amount(out, kDurationForm, low, high);
}

void append_type(std::string& out, const Option& option) {
  switch (option.type) {
    case OptionType::text:
    case OptionType::path:
    case OptionType::choice:
      out.append("\"type\": \"string\"");
      if (!option.allowed.empty()) out.append(", \"enum\": ").append(json_list(option.allowed));
      return;
    case OptionType::boolean:
      out.append("\"type\": \"boolean\"");
      return;
    case OptionType::integer:
      out.append("\"type\": \"integer\"");
      append_bounds(out, option.minimum, option.maximum);
      return;
    case OptionType::size:
      return append_amount(out, kSizeForm, option.minimum, option.maximum);
    case OptionType::duration:
      return append_duration(out, option);
    case OptionType::text_list:
      out.append("\"type\": \"array\", \"items\": {\"type\": \"string\"}");
      return;
  }
}

std::string default_of(const Option& option) {
  if (option.type == OptionType::text_list) return json_list(option.default_value);
  const bool bare = option.type == OptionType::boolean || option.type == OptionType::integer;
  return bare ? option.default_value[0] : quoted_text(option.default_value[0]);
}

void append_option(std::string& out, const Option& option) {
  out.append("{\"description\": ");
  out.append(
      quoted_text(option.help + " " + describe_type(option) + ". " + (option.reloadable ? "Takes effect on reload." : "Needs a restart.")));
  out.append(", ");
  append_type(out, option);
  // A secret in a file that everybody may read is no good example.
  if (option.is_secret) out.append(", \"writeOnly\": true");
  out.append(", \"default\": ").append(default_of(option)).append("}");
}

// The places of structures among the options'.
void add_places(OptionTree& tree, const std::vector<StructureSchema>& structures) {
  for (const StructureSchema& structure : structures) {
    OptionTree* at = &tree;
    for (const std::string_view name : split(structure.key, '.')) {
      auto& children = at->children;
      const auto found = std::find_if(children.begin(), children.end(), [&](const OptionTree& child) { return child.name == name; });
      at = found != children.end() ? &*found : &children.emplace_back(OptionTree{std::string(name), nullptr, {}});
    }
  }
}

class SchemaText {
 public:
  explicit SchemaText(const std::vector<StructureSchema>& structures) : structures_(structures) {}

  void members(const OptionTree& section, const std::string& prefix, size_t indent) {
    for (const OptionTree& child : section.children) {
      if (!out.ends_with("{")) out.append(",");
      out.append("\n").append(indent, ' ').append(quoted_text(child.name)).append(": ");
      member(child, prefix + child.name, indent);
    }
  }

  std::string out;

 private:
  void member(const OptionTree& child, const std::string& key, size_t indent) {
    const auto structure = std::find_if(structures_.begin(), structures_.end(), [&](const StructureSchema& s) { return s.key == key; });
    if (structure != structures_.end()) {
      out.append(structure->schema);
    } else if (child.option != nullptr) {
      append_option(out, *child.option);
    } else {
      out.append("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {");
      members(child, key + ".", indent + 2);
      out.append("\n").append(indent, ' ').append("}}");
    }
  }

  const std::vector<StructureSchema>& structures_;
};

}  // namespace

std::string json_schema(const OptionSet& set, const std::vector<StructureSchema>& structures) {
  OptionTree tree = option_tree(set);
  add_places(tree, structures);
  SchemaText text(structures);
  text.out = "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"Holdfast configuration\",\n";
  text.out.append("  \"type\": \"object\",\n  \"additionalProperties\": false,\n  \"properties\": {");
  text.members(tree, "", 4);
  return text.out.append("\n  }\n}\n");
}

}  // namespace holdfast
