#include "gateway/session/cross_origin.h"

#include <algorithm>
#include <array>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

template <size_t N>
bool one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view n) { return iequals(name, n); });
}

// Scripts may read these without being allowed to, or, like cookies and framing, not even then.
bool needs_no_exposure(std::string_view name) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "Cache-Control", "Content-Language", "Content-Length", "Content-Type", "Expires",           "Last-Modified", "Pragma",
      "Set-Cookie",    "Set-Cookie2",      "Connection",     "Keep-Alive",   "Transfer-Encoding", "Upgrade"};
  return istarts_with(name, "Access-Control-") || one_of(name, kNames);
}

std::string exposed(const Headers& response) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : response) {
    const bool listed = std::any_of(names.begin(), names.end(), [&n = name](std::string_view seen) { return iequals(seen, n); });
    if (!listed && !needs_no_exposure(name)) names.push_back(name);
  }
  std::string out;
  for (const auto name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

std::string joined(const Headers& headers, std::string_view name) {
  std::string out;
  for (const auto value : headers.all(name)) {
    if (trim(value).empty()) continue;
    if (!out.empty()) out += ", ";
    out += trim(value);
  }
  return out;
}

// A cache may not hand the answer made for one origin to another.
void vary_by_origin(Headers& response) {
  for (const auto value : response.all("Vary")) {
    for (const auto name : split(value, ',')) {
      if (trim(name) == "*" || iequals(trim(name), "Origin")) return;
    }
  }
  response.add("Vary", "Origin");
}

void add_origin(const Headers& request, Headers& response) {
  if (response.has("Access-Control-Allow-Origin")) return;
  const auto origin = request.get("Origin");
  response.add("Access-Control-Allow-Origin", origin.empty() ? "*" : origin);
  if (!origin.empty()) vary_by_origin(response);
}

}  // namespace

void add_cors(const Headers& request, Headers& response) {
  // Before anything is added: only the backend's headers are worth exposing.
  const std::string expose = exposed(response);
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty() && !response.has(name)) response.add(name, value);
  };
  const auto method = request.get("Access-Control-Request-Method");
  add("Access-Control-Allow-Methods", method.empty() ? "OPTIONS, HEAD, GET, POST, PUT, DELETE" : method);
  add("Access-Control-Allow-Headers", joined(request, "Access-Control-Request-Headers"));
  add("Access-Control-Expose-Headers", expose);
  add("Access-Control-Allow-Credentials", "true");
  add_origin(request, response);
  add("Access-Control-Max-Age", "3600");
}

Headers cors_request_part(const Headers& request) {
  static constexpr std::array<std::string_view, 3> kNames = {"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"};
  Headers part;
  for (const auto& [name, value] : request) {
    if (one_of(name, kNames)) part.add(name, value);
  }
  return part;
}

}  // namespace holdfast
