#pragma once

#include <optional>

#include "gateway/app/settings.h"
#include "gateway/base/finding.h"

namespace holdfast {

// Everything that `holdfast doctor` looks at: this machine, the broker, backends, this node's doors. Blocks for answers.
Findings examine(const Settings& settings, const std::vector<Route>& routes, std::optional<Duration> grace);

}  // namespace holdfast
