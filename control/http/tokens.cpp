#include "control/http/tokens.h"

#include <algorithm>
#include <fstream>

#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

constexpr size_t kShortestToken = 16;

// No early exit: the time depends on the presented length only.
bool same_text(std::string_view presented, std::string_view token) {
  volatile unsigned difference = presented.size() == token.size() ? 0 : 1;
  for (size_t i = 0; i < presented.size(); ++i)
    difference =
        difference | static_cast<unsigned>(static_cast<unsigned char>(presented[i]) ^ static_cast<unsigned char>(token[i % token.size()]));
  return difference == 0;
}

}  // namespace

Result<Tokens> Tokens::load(const std::vector<std::string>& list, const std::string& file) {
  Tokens tokens;
  for (const std::string& token : list)
    if (auto added = tokens.add(token, "control.http.tokens"); !added) return fail(added.error());
  if (file.empty()) return tokens;

  std::ifstream in(file);
  if (!in) return invalid("cannot read control.http.token_file " + file);
  const size_t before = tokens.tokens_.size();
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const std::string_view token = trim(line);
    if (token.empty() || token.front() == '#') continue;
    if (auto added = tokens.add(token, file); !added) return fail(added.error());
  }
  if (tokens.tokens_.size() == before) return invalid("control.http.token_file " + file + " holds no token");
  return tokens;
}

Result<void> Tokens::add(std::string_view token, std::string_view where) {
  if (token.size() < kShortestToken) return invalid(std::string(where) + ": a token is shorter than 16 characters");
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    return invalid(std::string(where) + ": a token holds characters other than visible ASCII");
  tokens_.emplace_back(token);
  return {};
}

bool Tokens::allow(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (!istarts_with(authorization, kScheme)) return false;
  const std::string_view presented = trim(authorization.substr(kScheme.size()));
  bool found = false;
  for (const std::string& token : tokens_) found |= same_text(presented, token);
  return found;
}

}  // namespace holdfast::control
