#pragma once

#include <iosfwd>
#include <string>

#include "control/cli/publish_items.h"

namespace holdfast::control {

enum class PublishExit { published = 0, refused = 1, usage = 2, unreachable = 3 };

// Reads what has to be read, posts it to the control door and tells the outcome: for people on `out` and `err`, or as one JSON object on
// `out`.
PublishExit publish(PublishArguments arguments, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace holdfast::control
