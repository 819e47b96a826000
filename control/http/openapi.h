#pragma once

#include <string_view>

namespace holdfast::control {

// The document that describes /v1/: control/http/openapi.json, as it was when this was built.
std::string_view openapi_document();

}  // namespace holdfast::control
