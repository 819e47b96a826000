#include "gateway/route/checks.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/route/words.h"

namespace holdfast::route {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<void> check_text(std::string_view text) {
  if (has_control(text)) return invalid("contains a control character");
  if (!valid_utf8(text)) return invalid("is not valid UTF-8");
  return {};
}

Result<void> check_path(std::string_view text) {
  if (!text.starts_with('/')) return invalid("a path begins with '/', but this is " + shown(text));
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      return invalid("write the path percent-encoded, as clients send it: " + shown(text));
    }
    if (c == '?' || c == '#') return invalid("a path has no query and no fragment, but this is " + shown(text));
  }
  return {};
}

}  // namespace holdfast::route
