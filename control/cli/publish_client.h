#pragma once

#include <iosfwd>
#include <string>

#include "control/cli/control_client.h"
#include "control/cli/publish_items.h"

namespace holdfast::control {

// Reads what has to be read, posts it to the control door and tells the outcome: for people on `out` and `err`, or as one JSON object on
// `out`.
Exit publish(PublishArguments arguments, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace holdfast::control
