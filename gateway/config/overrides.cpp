#include "gateway/config/overrides.h"

#include "gateway/base/nearest_word.h"
#include "gateway/base/text.h"
#include "gateway/config/config_node.h"
#include "gateway/config/known_keys.h"

namespace holdfast {
namespace {

constexpr std::string_view kPrefix = "HOLDFAST_";
constexpr std::string_view kConfigFile = "HOLDFAST_CONFIG";
constexpr std::string_view kOnlyInFile = "is a list of maps; write it in the configuration file";

std::vector<std::string> values_of(const Option& option, std::string_view text) {
  if (option.type != OptionType::text_list) return {std::string(text)};
  std::vector<std::string> values;
  if (trim(text).empty()) return values;
  for (const std::string_view element : split(text, ',')) values.emplace_back(trim(element));
  return values;
}

}  // namespace

std::string environment_name(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c == '.' || c == '-' ? '_' : c);
  return name;
}

void apply_environment(const std::vector<std::pair<std::string, std::string>>& environment, const StructuralKeys& structural_keys,
                       OptionSet& set, ConfigProblems& problems, std::vector<std::string>& warnings) {
  std::map<std::string, std::string, std::less<>> key_of_name;
  for (const Option& option : set.options()) key_of_name.emplace(environment_name(option.key), option.key);
  for (const std::string& key : structural_keys) key_of_name.emplace(environment_name(key), key);
  std::vector<std::string_view> names;
  // Without the prefix, which every name shares: it would make all of them look alike.
  for (const auto& [name, key] : key_of_name) names.push_back(std::string_view(name).substr(kPrefix.size()));

  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix) || name == kConfigFile) continue;
    const auto known = key_of_name.find(name);
    if (known == key_of_name.end()) {
      const std::string_view nearest = nearest_word(std::string_view(name).substr(kPrefix.size()), names);
      std::string warning = shown(name) + ": no such option";
      if (!nearest.empty()) warning.append("; did you mean ").append(kPrefix).append(nearest).append("?");
      warnings.push_back(std::move(warning));
    } else if (Option* option = set.find(known->second); option == nullptr) {
      warnings.push_back(name + ": " + std::string(kOnlyInFile));
    } else if (const auto done = option->set(values_of(*option, value)); !done) {
      problems.add(name + ": " + done.error().text);
    }
  }
}

void apply_assignments(const std::vector<std::string>& assignments, const StructuralKeys& structural_keys, OptionSet& set,
                       ConfigProblems& problems) {
  const KnownKeys known(set, structural_keys);
  for (const std::string& assignment : assignments) {
    const size_t equals = assignment.find('=');
    const std::string key(trim(std::string_view(assignment).substr(0, equals)));
    const std::string place = "--set " + shown(key) + ": ";
    if (equals == std::string::npos) {
      problems.add(place + "expected key=value");
    } else if (known.is_structural(key)) {
      problems.add(place + std::string(kOnlyInFile));
    } else if (Option* option = set.find(key); option == nullptr) {
      problems.add("--set: " + known.unknown(key));
    } else if (const auto done = option->set(values_of(*option, std::string_view(assignment).substr(equals + 1))); !done) {
      problems.add(place + done.error().text);
    }
  }
}

}  // namespace holdfast
