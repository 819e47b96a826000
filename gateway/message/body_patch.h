#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// Applies an RFC 6902 patch (JSON text) to a body that must be a JSON object or array; a final newline is kept.
// nullopt when the body, the patch or its application fails. Threads: any.
std::optional<std::string> apply_body_patch(std::string_view body, std::string_view patch);

}  // namespace holdfast
