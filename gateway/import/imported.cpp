#include "gateway/import/imported.h"

#include "gateway/base/text.h"
#include "gateway/config/option_tree.h"
#include "gateway/config/yaml_text.h"

namespace holdfast::importing {

namespace {

constexpr size_t kWidth = 100;

bool has_carried(const OptionTree& tree, const Imported& imported) {
  if (tree.option != nullptr) return imported.carried().contains(tree.option->key);
  for (const auto& child : tree.children) {
    if (has_carried(child, imported)) return true;
  }
  return false;
}

void append_option(std::string& out, const Option& option, const Imported::Carried& carried, size_t indent, const std::string& name) {
  if (!carried.remark.empty()) out += comment("# ", carried.remark, indent);
  out.append(indent, ' ').append(name).append(": ").append(yaml_values(option, option.get()));
  if (!carried.from.empty()) out.append("  # ").append(carried.from);
  out += '\n';
}

void append_tree(std::string& out, const OptionTree& tree, const Imported& imported, size_t indent) {
  for (const auto& child : tree.children) {
    if (!has_carried(child, imported)) continue;
    if (indent == 0) out += '\n';
    if (child.option != nullptr) {
      append_option(out, *child.option, imported.carried().at(child.option->key), indent, child.name);
    } else {
      out.append(indent, ' ').append(child.name).append(":\n");
      append_tree(out, child, imported, indent + 2);
    }
  }
}

// Quoted by yaml_text if need be: a line of a file must not end a comment.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

}  // namespace

const char* to_string(Note::Kind kind) {
  switch (kind) {
    case Note::Kind::lost:
      return "lost";
    case Note::Kind::warning:
      return "warning";
    case Note::Kind::replaced:
      return "replaced";
  }
  return "";
}

void Imported::set(std::string_view option, const std::vector<std::string>& values, std::string_view from, std::string_view where,
                   std::string_view remark) {
  Option* found = options_.find(option);
  if (found == nullptr) return note(Note::Kind::lost, from, where, "there is no option " + std::string(option));
  if (auto done = found->set(values); !done) {
    return note(Note::Kind::lost, from, where, std::string(option) + " does not take this value: " + done.error().text);
  }
  carried_[std::string(option)] = {std::string(from), std::string(remark)};
}

void Imported::note(Note::Kind kind, std::string_view what, std::string_view where, std::string_view text) {
  notes_.push_back({kind, std::string(what), std::string(where), std::string(text)});
}

std::string options_yaml(const Imported& imported) {
  std::string out;
  append_tree(out, option_tree(imported.options()), imported, 0);
  return out;
}

std::string comment(std::string_view first, std::string_view text, size_t indent) {
  std::string out;
  std::string line = std::string(indent, ' ') + std::string(first);
  const std::string later = std::string(indent, ' ') + "#" + std::string(first.empty() ? 0 : first.size() - 1, ' ');
  bool empty = true;
  const std::string flat = one_line(text);
  for (const std::string_view word : split(flat, ' ')) {
    if (word.empty()) continue;
    if (!empty && line.size() + 1 + word.size() > kWidth) {
      out += line + '\n';
      line = later;
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
  }
  return out + line + '\n';
}

}  // namespace holdfast::importing
