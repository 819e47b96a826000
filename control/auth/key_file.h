#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast::control {

// A file of keys or tokens, 1 MiB at most. Errors: `invalid`, naming the file and never its content.
Result<std::string> read_key_file(const std::string& path);

struct FileToken {
  std::string token;
  size_t line;  // from 1
};
// One token a line; blank lines and lines that begin with # are skipped. Errors: the file cannot be read or holds none; a bad token.
Result<std::vector<FileToken>> read_token_file(const std::string& path);

// A token is 16 characters or longer (a shorter one can be guessed), of visible ASCII. Errors: `invalid`, without the token.
Result<void> check_token(std::string_view token);

}  // namespace holdfast::control
