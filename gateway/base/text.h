#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Small ASCII helpers that several folders need. None depends on the locale.
inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
std::string to_lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
bool istarts_with(std::string_view text, std::string_view prefix);
std::string_view trim(std::string_view text);  // blanks and tabs
std::vector<std::string_view> split(std::string_view text, char by);

// Whole text must be a decimal number without sign.
std::optional<uint64_t> parse_uint(std::string_view text);

bool is_token(std::string_view text);        // RFC 9110 token, not empty
bool is_field_value(std::string_view text);  // no CR, LF, NUL or other controls but tab

std::string base64_encode(std::string_view data);
std::optional<std::string> base64_decode(std::string_view text);  // strict, padded
std::string base64url_encode(std::string_view data);              // no padding
std::optional<std::string> base64url_decode(std::string_view text);
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

bool valid_utf8(std::string_view text);

}  // namespace holdfast
