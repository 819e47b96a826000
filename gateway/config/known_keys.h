#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/options.h"

namespace holdfast {

// The words that a configuration may use: options, structural keys, and the sections that they stand in.
class KnownKeys {
 public:
  KnownKeys(const OptionSet& set, const std::vector<std::string>& structural_keys);

  bool is_section(std::string_view key) const;
  bool is_structural(std::string_view key) const;
  // "unknown key 'edge.idle_timeoutt'; did you mean 'edge.idle_timeout'?"
  std::string unknown(std::string_view key) const;

 private:
  std::vector<std::string> structural_;
  std::vector<std::string> sections_;
  std::vector<std::string> options_;
};

}  // namespace holdfast
