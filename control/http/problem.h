#pragma once

#include <string_view>

#include "control/http/handler.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// Faults under /v1/: application/problem+json (RFC 9457).
Answer problem(int status, std::string_view detail);
Answer problem(const Error& error);
// A fault that was said in plain text, with its status and fields.
Answer as_problem(Answer answer);

inline constexpr std::string_view kOperations = "/v1/";

}  // namespace holdfast::control
