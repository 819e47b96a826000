#include "control/auth/key_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

constexpr size_t kShortestToken = 16;
constexpr size_t kLargestFile = 1 << 20;

}  // namespace

Result<std::string> read_key_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return invalid(path + " cannot be read: " + std::strerror(errno));
  std::string text(kLargestFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.gcount() == 0 && !file.eof())) return invalid(path + " cannot be read");
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLargestFile) return invalid(path + " is too large");
  return text;
}

Result<std::vector<FileToken>> read_token_file(const std::string& path) {
  const auto text = read_key_file(path);
  if (!text) return fail(text.error());
  std::vector<FileToken> tokens;
  size_t number = 0;
  for (std::string_view line : split(*text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    if (const auto good = check_token(line); !good) return invalid(path + ":" + std::to_string(number) + ": " + good.error().text);
    tokens.push_back({std::string(line), number});
  }
  if (tokens.empty()) return invalid(path + " holds no token");
  return tokens;
}

Result<void> check_token(std::string_view token) {
  if (token.size() < kShortestToken) return invalid("a token is shorter than 16 characters");
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    return invalid("a token holds characters other than visible ASCII");
  return {};
}

}  // namespace holdfast::control
