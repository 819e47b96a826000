#pragma once

#include <string>
#include <vector>

#include "gateway/base/options.h"

namespace holdfast {

// An option whose value a reload would change. The texts are fit for logs: a secret shows only whether it is set.
struct ConfigChange {
  std::string key;
  std::string before;
  std::string after;
};

struct ConfigDiff {
  std::vector<ConfigChange> reloadable;
  std::vector<ConfigChange> needs_restart;
  bool empty() const { return reloadable.empty() && needs_restart.empty(); }
};

// Both sets hold the same declarations, bound to two different Settings: those that run, and those just loaded.
ConfigDiff compare(const OptionSet& running, const OptionSet& loaded);

// Copies the values of all reloadable options from `loaded` to `running`. Errors: none is expected, as the values have passed the same
// checks; the first is returned and the rest is copied nevertheless.
Result<void> take_over_reloadable(OptionSet& running, const OptionSet& loaded);

}  // namespace holdfast
