#pragma once

#include <string_view>

namespace holdfast::control {

// status_page.html, made into a source by cmake/embed_page.cmake.
extern const std::string_view kStatusPageText;
// Its Content-Security-Policy: allows its own script and style by their hashes, and to ask where it came from.
extern const std::string_view kStatusPagePolicy;

}  // namespace holdfast::control
