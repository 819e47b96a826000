#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast {

// Tagged netstrings, what message-speaking programs of Pushpin's kind exchange: SIZE ':' DATA TYPE, where TYPE is ',' for bytes, '#' for an
// integer, '^' for a float, '!' for true or false, '~' for null, ']' for a list and '}' for a map.
struct Tnet {
  enum class Kind { null, text, integer, real, boolean, list, map };
  Kind kind = Kind::null;
  std::string_view text;  // part of what was read; of a number its digits
  int64_t integer = 0;
  bool boolean = false;
  std::vector<Tnet> list;              // of a list; of a map the values
  std::vector<std::string_view> keys;  // of a map, one for each value

  const Tnet* find(std::string_view key) const;                         // of a map; null: not there
  std::optional<std::string_view> text_of(std::string_view key) const;  // nullopt: not there or no text
};

// One value that takes the whole of `data`. Errors: `invalid`, saying what is wrong; lists and maps nest 32 deep at most.
Result<Tnet> parse_tnet(std::string_view data);

std::string tnet_text(std::string_view text);
std::string tnet_integer(int64_t number);
std::string tnet_boolean(bool value);
// `values` and `pairs` are encoded already, one after the other.
std::string tnet_list(std::string_view values);
std::string tnet_map(std::string_view pairs);

}  // namespace holdfast
