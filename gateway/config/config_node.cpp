#include "gateway/config/config_node.h"

#include <algorithm>

#include "gateway/base/text.h"

namespace holdfast {

const ConfigNode* ConfigNode::find(std::string_view name) const {
  if (kind != Kind::map) return nullptr;
  for (const ConfigNode& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

std::string ConfigNode::problem(std::string_view what) const {
  std::string out = where;
  if (!path.empty()) out.append(out.empty() ? "" : ": ").append(shown(path));
  return out.append(out.empty() ? "" : ": ").append(what);
}

bool same_content(const ConfigNode& a, const ConfigNode& b) {
  return a.kind == b.kind && a.key == b.key && a.text == b.text &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(), same_content);
}

std::string_view kind_name(ConfigNode::Kind kind) {
  switch (kind) {
    case ConfigNode::Kind::null:
      return "nothing";
    case ConfigNode::Kind::scalar:
      return "a single value";
    case ConfigNode::Kind::list:
      return "a list";
    case ConfigNode::Kind::map:
      return "a map";
  }
  return "something else";
}

std::string shown(std::string_view text) {
  constexpr size_t kShownBytes = 80;
  std::string out(text.substr(0, kShownBytes));
  const bool cut = text.size() > kShownBytes;
  // A cut must not leave half a character behind: log lines are UTF-8.
  while (cut && !out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0) out.pop_back();
  const bool utf8 = valid_utf8(out);
  std::replace_if(
      out.begin(), out.end(),
      [&](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8);
      },
      '?');
  return cut ? out + "..." : out;
}

}  // namespace holdfast
