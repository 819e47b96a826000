// Request and response heads: whatever is accepted must be framed without doubt.
#include <cstdlib>

#include "gateway/net/head_check.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = find_head_end(text);
  if (end == std::string_view::npos) return 0;
  const std::string_view head = text.substr(0, end);
  if (auto parsed = parse_request_head(head, {})) {
    const auto& [request, framing] = *parsed;
    if (request.headers.all("Host").size() > 1) std::abort();
    if (request.headers.has("Transfer-Encoding") != (framing.kind == Framing::chunked)) std::abort();
    if (framing.kind == Framing::chunked && request.headers.has("Content-Length")) std::abort();
    for (const auto& [name, value] : request.headers) {
      if (!is_token(name) || !is_field_value(value)) std::abort();
    }
  }
  bool keep_alive = false;
  (void)parse_response_head(head, "GET", keep_alive);
  return 0;
}
