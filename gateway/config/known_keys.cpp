#include "gateway/config/known_keys.h"

#include <algorithm>

#include "gateway/base/nearest_word.h"
#include "gateway/config/config_node.h"

namespace holdfast {
namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

KnownKeys::KnownKeys(const OptionSet& set, const std::vector<std::string>& structural_keys) : structural_(structural_keys) {
  std::vector<std::string> all = structural_keys;
  for (const Option& option : set.options()) {
    options_.push_back(option.key);
    all.push_back(option.key);
  }
  for (const std::string& key : all) {
    for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1)) {
      if (!contains(sections_, key.substr(0, dot))) sections_.push_back(key.substr(0, dot));
    }
  }
}

bool KnownKeys::is_section(std::string_view key) const { return contains(sections_, key); }

bool KnownKeys::is_structural(std::string_view key) const { return contains(structural_, key); }

std::string KnownKeys::unknown(std::string_view key) const {
  std::vector<std::string_view> known(structural_.begin(), structural_.end());
  known.insert(known.end(), sections_.begin(), sections_.end());
  known.insert(known.end(), options_.begin(), options_.end());
  std::string text = "unknown key '" + shown(key) + "'";
  const std::string_view nearest = nearest_key(key, known);
  if (!nearest.empty()) text.append("; did you mean '").append(nearest).append("'?");
  return text;
}

}  // namespace holdfast
