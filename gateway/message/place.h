#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// Where in a JSON text something stands, as in "items[0].formats.http-stream.content": a chain on the stack that is put into words only
// when something is wrong.
struct Place {
  static constexpr size_t kNone = static_cast<size_t>(-1);
  const Place* outer = nullptr;
  std::string_view name;
  size_t index = kNone;

  std::string words() const {
    std::string out = outer != nullptr ? outer->words() + "." : std::string();
    out += name;
    if (index != kNone) out += "[" + std::to_string(index) + "]";
    return out;
  }
};

}  // namespace holdfast
