#include "gateway/config/yaml_text.h"

#include <algorithm>
#include <array>

#include "gateway/base/text.h"

namespace holdfast {
namespace {

bool is_letter_or_digit(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); }

bool can_stand_plain(std::string_view text) {
  if (text.empty()) return false;
  const bool good_start = (lower(text[0]) >= 'a' && lower(text[0]) <= 'z') || text[0] == '/' || text[0] == '_';
  const bool good_rest =
      std::all_of(text.begin(), text.end(), [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.' || c == '/'; });
  constexpr std::array<std::string_view, 9> kSpecial = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  const bool special = std::any_of(kSpecial.begin(), kSpecial.end(), [&](std::string_view word) { return iequals(word, text); });
  return good_start && good_rest && !special;
}

}  // namespace

std::string quoted_text(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const bool utf8 = valid_utf8(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (c == '\n') {
      out.append("\\n");
    } else if (c == '\t') {
      out.append("\\t");
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\u00").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
    } else if (byte >= 0x80 && !utf8) {
      out.append("\\ufffd");  // YAML has no way to write such a byte
    } else {
      out.push_back(c);
    }
  }
  return out.append("\"");
}

namespace {

std::string block(const ConfigNode& node, size_t indent, const std::vector<std::string>& secret_keys);

// A list element is a block whose first indentation becomes "- ".
void append_element(std::string& out, const ConfigNode& element, size_t indent, const std::vector<std::string>& secret_keys) {
  if (element.children.empty()) {
    out.append(indent, ' ').append("-").append(block(element, indent, secret_keys));
    return;
  }
  // The block begins after the end of the line that it would hang on.
  std::string below = block(element, indent + 2, secret_keys).substr(1);
  below[indent] = '-';
  out.append(below);
}

// What follows "key:" or "-": " value\n" or "\n" and the lines below.
std::string block(const ConfigNode& node, size_t indent, const std::vector<std::string>& secret_keys) {
  if (node.kind == ConfigNode::Kind::null) return "\n";
  if (node.is_scalar()) return " " + yaml_text(node.text) + "\n";
  if (node.children.empty()) return node.is_list() ? " []\n" : " {}\n";
  std::string out = "\n";
  for (const ConfigNode& child : node.children) {
    if (node.is_list()) {
      append_element(out, child, indent, secret_keys);
    } else {
      append_yaml(out, child, child.key, indent, secret_keys);
    }
  }
  return out;
}

bool is_set(const ConfigNode& node) { return !node.text.empty() || !node.children.empty(); }

}  // namespace

std::string yaml_text(std::string_view text) { return can_stand_plain(text) ? std::string(text) : quoted_text(text); }

std::string yaml_values(const Option& option, const std::vector<std::string>& values) {
  switch (option.type) {
    case OptionType::boolean:
    case OptionType::integer:
    case OptionType::size:
    case OptionType::duration:
      return values[0];
    case OptionType::text:
    case OptionType::path:
    case OptionType::choice:
      return yaml_text(values[0]);
    case OptionType::text_list:
      break;
  }
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) out.append(i == 0 ? "" : ", ").append(yaml_text(values[i]));
  return out + "]";
}

void append_yaml(std::string& out, const ConfigNode& node, std::string_view key, size_t indent,
                 const std::vector<std::string>& secret_keys) {
  out.append(indent, ' ').append(yaml_text(key)).append(":");
  const bool secret = std::find(secret_keys.begin(), secret_keys.end(), key) != secret_keys.end();
  if (secret && is_set(node)) {
    out.append(" ").append(kSecretShown).append("\n");
  } else {
    out.append(block(node, indent + 2, secret_keys));
  }
}

}  // namespace holdfast
