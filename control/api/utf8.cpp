#include "control/api/utf8.h"

#include "gateway/base/text.h"

namespace holdfast::control {

std::string utf8_of(std::string_view text) {
  if (valid_utf8(text)) return std::string(text);
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80)
      out += c;
    else
      out += "\xEF\xBF\xBD";
  }
  return out;
}

}  // namespace holdfast::control
