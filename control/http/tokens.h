#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast::control {

// The bearer tokens of a door. Threads: immutable once made.
class Tokens {
 public:
  // From a list and, unless the path is empty, from a file: one token a line, blank lines and lines that begin with # are skipped.
  // Errors: the file cannot be read or holds none; a token shorter than 16 characters (guessable) or with blanks or controls.
  static Result<Tokens> load(const std::vector<std::string>& list, const std::string& file);

  bool empty() const { return tokens_.empty(); }
  // The value of an Authorization field. Takes the same time whichever token matches and wherever a wrong one differs.
  bool allow(std::string_view authorization) const;

 private:
  Result<void> add(std::string_view token, std::string_view where);
  std::vector<std::string> tokens_;
};

}  // namespace holdfast::control
