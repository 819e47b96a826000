#include "gateway/config/reload.h"

#include "gateway/config/yaml_text.h"

namespace holdfast {
namespace {

std::string loggable(const Option& option, const std::vector<std::string>& values) {
  if (!option.is_secret) return yaml_values(option, values);
  for (const std::string& value : values) {
    if (!value.empty()) return "(set)";
  }
  return "(not set)";
}

}  // namespace

ConfigDiff compare(const OptionSet& running, const OptionSet& loaded) {
  ConfigDiff diff;
  for (const Option& option : running.options()) {
    const Option* other = loaded.find(option.key);
    if (other == nullptr) continue;
    const auto before = option.get();
    const auto after = other->get();
    if (before == after) continue;
    auto& changes = option.reloadable ? diff.reloadable : diff.needs_restart;
    changes.push_back({option.key, loggable(option, before), loggable(option, after)});
  }
  return diff;
}

Result<void> take_over_reloadable(OptionSet& running, const OptionSet& loaded) {
  Result<void> first_failure;
  for (const Option& option : running.options()) {
    const Option* other = loaded.find(option.key);
    if (!option.reloadable || other == nullptr) continue;
    const auto done = option.set(other->get());
    if (!done && first_failure) first_failure = invalid(option.key + ": " + done.error().text);
  }
  return first_failure;
}

}  // namespace holdfast
