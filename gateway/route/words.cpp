#include "gateway/route/words.h"

#include <algorithm>

#include "gateway/base/text.h"

namespace holdfast::route {

namespace {

constexpr size_t kShownBytes = 60;

}  // namespace

std::string shown(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kShownBytes)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() > kShownBytes) {
    // A cut must not leave half a character behind: log lines and JSON are UTF-8.
    while (!valid_utf8(out) && static_cast<unsigned char>(out.back()) >= 0x80) out.pop_back();
    out += "...";
  }
  if (!valid_utf8(out)) {
    std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return out + "'";
}

std::optional<bool> parse_switch(std::string_view text) {
  for (const std::string_view yes : {"yes", "true", "on", "1"}) {
    if (iequals(text, yes)) return true;
  }
  for (const std::string_view no : {"no", "false", "off", "0"}) {
    if (iequals(text, no)) return false;
  }
  return std::nullopt;
}

}  // namespace holdfast::route
