#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/nearest_word.h"
#include "gateway/base/result.h"
#include "gateway/route/words.h"

namespace holdfast::route {

// One option of a route, a target or a hold: declared once, read in both spellings.
template <class Subject>
struct OptionRule {
  std::string_view name;                   // rules with one name exclude each other; also the name that messages use
  std::string_view word;                   // in the routes file; empty: it has no such option
  std::array<std::string_view, 4> keys{};  // further spellings, in YAML only; the first is the one to recommend

  // A switch sets `flag` (to the opposite if `inverse`); anything else goes through `set`.
  bool Subject::* flag = nullptr;
  bool inverse = false;
  Result<void> (*set)(Subject&, std::string_view value) = nullptr;
  bool repeats = false;
  bool may_be_empty = false;
};

enum class Spelling { routes_file, yaml };

// Applies options to one subject and remembers which were given.
// Errors: name the option, what is wrong with it, and for an unknown one the nearest known. Values are not repeated here: they may be keys.
template <class Subject>
class OptionReader {
 public:
  OptionReader(Subject& subject, std::span<const OptionRule<Subject>> rules, Spelling spelling)
      : subject_(subject), rules_(rules), spelling_(spelling) {}

  Result<void> apply(std::string_view name, std::optional<std::string_view> value) {
    const OptionRule<Subject>* rule = find(name);
    if (rule == nullptr) return invalid(unknown(name));
    if (!rule->repeats && given(rule->name)) return invalid(std::string(name) + " is given twice");
    given_.push_back(rule->name);
    auto done = rule->flag != nullptr ? set_flag(*rule, value) : set_value(*rule, value);
    if (!done) return invalid(std::string(name) + ": " + done.error().text);
    return {};
  }

  bool given(std::string_view rule_name) const { return std::find(given_.begin(), given_.end(), rule_name) != given_.end(); }

 private:
  bool spells(const OptionRule<Subject>& rule, std::string_view name) const {
    if (name.empty()) return false;
    if (rule.word == name) return true;
    return spelling_ == Spelling::yaml && std::find(rule.keys.begin(), rule.keys.end(), name) != rule.keys.end();
  }

  const OptionRule<Subject>* find(std::string_view name) const {
    for (const auto& rule : rules_) {
      if (spells(rule, name)) return &rule;
    }
    return nullptr;
  }

  std::string unknown(std::string_view name) const {
    std::vector<std::string_view> known;
    for (const auto& rule : rules_) {
      if (!rule.word.empty()) known.push_back(rule.word);
      if (spelling_ == Spelling::routes_file) continue;
      for (const std::string_view key : rule.keys) {
        if (!key.empty()) known.push_back(key);
      }
    }
    const std::string_view nearest = nearest_word(name, known);
    const std::string text = std::string("unknown ") + (spelling_ == Spelling::yaml ? "key " : "option ") + shown(name);
    return nearest.empty() ? text : text + "; did you mean '" + std::string(nearest) + "'?";
  }

  Result<void> set_flag(const OptionRule<Subject>& rule, std::optional<std::string_view> value) {
    const std::optional<bool> on = value ? parse_switch(*value) : true;
    if (spelling_ == Spelling::routes_file && on != true) {
      // Pushpin switches such an option on whatever its value says. Neither reading of "debug=no" is safe.
      return invalid("this option is on when it is there; leave it out to switch it off");
    }
    if (!on) return invalid("expected true or false");
    subject_.*rule.flag = *on != rule.inverse;
    return {};
  }

  Result<void> set_value(const OptionRule<Subject>& rule, std::optional<std::string_view> value) {
    if (!value || (value->empty() && !rule.may_be_empty)) return invalid("needs a value");
    return rule.set(subject_, *value);
  }

  Subject& subject_;
  std::span<const OptionRule<Subject>> rules_;
  Spelling spelling_;
  std::vector<std::string_view> given_;
};

}  // namespace holdfast::route
