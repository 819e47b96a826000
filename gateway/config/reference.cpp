#include "gateway/config/reference.h"

#include "gateway/base/text.h"
#include "gateway/config/loader.h"
#include "gateway/config/option_tree.h"
#include "gateway/config/yaml_text.h"

namespace holdfast {
namespace {

constexpr size_t kWidth = 100;

constexpr std::string_view kHeading =
    "Every option with its default. This file is generated from the declarations in the code. Lines that begin with # and a key show "
    "defaults: take the # away to change one. Sizes are bytes or have a unit (512, 64KiB, 1MB), times have a unit (500ms, 5s, 2m, 1h) or "
    "are seconds. Relative paths count from the folder of the file. An option can also be given as an environment variable "
    "(HOLDFAST_EDGE_IDLE_TIMEOUT for edge.idle_timeout) or as --set edge.idle_timeout=75s; flags win over the environment, the "
    "environment over the file.";

// Words of `text` as comment lines.
void append_comment(std::string& out, std::string_view text, size_t indent) {
  const std::string start = std::string(indent, ' ') + "#";
  std::string line = start;
  for (const std::string_view word : split(text, ' ')) {
    if (line.size() > start.size() && line.size() + 1 + word.size() > kWidth) {
      out.append(line).append("\n");
      line = start;
    }
    line.append(" ").append(word);
  }
  out.append(line).append("\n");
}

std::string number_text(const Option& option, int64_t value) {
  if (option.type == OptionType::size) return format_size(static_cast<uint64_t>(value));
  if (option.type == OptionType::duration) return format_duration(Duration(value));
  return std::to_string(value);
}

std::string bounds_text(const Option& option) {
  const bool low = option.minimum != INT64_MIN;
  const bool high = option.maximum != INT64_MAX;
  if (low && high) return ", " + number_text(option, option.minimum) + " to " + number_text(option, option.maximum);
  if (low) return ", at least " + number_text(option, option.minimum);
  if (high) return ", at most " + number_text(option, option.maximum);
  return {};
}

std::string words_text(const Option& option) {
  std::string out = "One of: ";
  for (size_t i = 0; i < option.allowed.size(); ++i) out.append(i == 0 ? "" : ", ").append(option.allowed[i]);
  return out;
}

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::text:
    case OptionType::choice:
      return "Text";
    case OptionType::boolean:
      return "true or false";
    case OptionType::integer:
      return "Whole number";
    case OptionType::size:
      return "Size";
    case OptionType::duration:
      return "Time";
    case OptionType::text_list:
      return "List of texts";
    case OptionType::path:
      return "Path";
  }
  return "";
}

void append_option(std::string& out, const OptionTree& leaf, size_t indent) {
  const Option& option = *leaf.option;
  const std::string value = yaml_values(option, option.default_value);
  append_comment(out, option.help, indent);
  append_comment(out, describe_type(option) + ". " + (option.reloadable ? "Takes effect on reload." : "Needs a restart."), indent);
  out.append(indent, ' ').append("#").append(leaf.name).append(": ").append(value).append("\n");
}

void append_section(std::string& out, const OptionTree& section, size_t indent) {
  for (const OptionTree& child : section.children) {
    if (!out.ends_with(":\n")) out.append("\n");
    if (child.option != nullptr) {
      append_option(out, child, indent);
    } else {
      out.append(indent, ' ').append(child.name).append(":\n");
      append_section(out, child, indent + 2);
    }
  }
}

void append_structure(std::string& out, const StructureHelp& structure) {
  out.append("\n");
  append_comment(out, structure.help, 0);
  for (const std::string_view line : split(structure.example, '\n')) {
    if (!line.empty()) out.append("#").append(line).append("\n");
  }
}

// Table cells end at a bar and at the end of a line.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out.push_back('\\');
    out.push_back(c == '\n' ? ' ' : c);
  }
  return out;
}

}  // namespace

std::string describe_type(const Option& option) {
  std::string out = option.allowed.empty() ? std::string(type_name(option.type)) : words_text(option);
  if (!option.unit_text.empty()) out.append(" (").append(option.unit_text).append(")");
  return out + bounds_text(option);
}

std::string reference_yaml(const OptionSet& set, const std::vector<StructureHelp>& structures) {
  std::string out;
  append_comment(out, kHeading, 0);
  for (const StructureHelp& structure : structures) append_structure(out, structure);
  append_section(out, option_tree(set), 0);
  return out;
}

std::string reference_markdown(const OptionSet& set) {
  std::string out = "| option | meaning | type | default | on reload |\n| --- | --- | --- | --- | --- |\n";
  for (const Option& option : set.options()) {
    out.append("| `").append(option.key).append("` | ").append(cell(option.help));
    out.append(" | ").append(cell(describe_type(option)));
    out.append(" | `").append(cell(yaml_values(option, option.default_value)));
    out.append("` | ").append(option.reloadable ? "yes" : "restart").append(" |\n");
  }
  return out;
}

}  // namespace holdfast
