#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace holdfast::importing {

// A key of pushpin.conf ("section/key") whose value becomes an option's.
struct CarriedKey {
  enum class As { text, flag, number, limit, seconds, milliseconds };
  std::string_view key;
  std::string_view option;
  As as = As::text;
  std::optional<std::string_view> if_absent = std::nullopt;  // what Pushpin does without the key, where Holdfast's default is another
  std::string_view remark = {};
};
std::span<const CarriedKey> carried_keys();

// A key that is not carried.
struct OtherKey {
  enum class Lost { never, if_on, if_off, always };  // on: neither empty nor 0, false, off
  std::string_view key;
  Lost lost;
  std::string_view instead;  // why, and what to do
};
const OtherKey* other_key(std::string_view key);  // null: none

bool is_handled(std::string_view key);              // carried, here or by code of its own
const std::vector<std::string_view>& known_keys();  // all that Pushpin has

}  // namespace holdfast::importing
