#include "control/http/admin_door.h"

#include <algorithm>

#include "control/http/status_page.h"
#include "gateway/base/text.h"

namespace holdfast::control {

namespace {

// "exclude=broker", which may be repeated, as the API server of Kubernetes takes it.
bool excludes(std::string_view query, std::string_view part) {
  if (part.empty()) return false;
  const auto fields = split(query, '&');
  return std::any_of(fields.begin(), fields.end(), [part](std::string_view field) {
    constexpr std::string_view kName = "exclude=";
    return field.starts_with(kName) && field.substr(kName.size()) == part;
  });
}

}  // namespace

Answer AdminDoor::answer(const Request& request) {
  if (page_ != nullptr) {
    if (auto answer = page_->answer(request)) return *std::move(answer);
  }
  if (request.path != "/metrics" && request.path != "/livez" && request.path != "/readyz") return {.status = 404, .body = "Not Found\n"};
  if (request.method != "GET" && request.method != "HEAD")
    return {.status = 405, .body = "Method not allowed: " + std::string(request.method) + ".\n", .fields = {{"Allow", "GET, HEAD"}}};
  if (request.path == "/metrics") return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_.render()};
  if (request.path == "/livez") return {.body = "ok\n"};  // a broker that is down is no reason to restart this process
  return readyz(request.query);
}

Answer AdminDoor::readyz(std::string_view query) const {
  const Readiness readiness = readiness_ ? readiness_() : Readiness{};
  if (readiness.ready || excludes(query, readiness.part)) return {.body = "ready\n"};
  return {.status = 503, .body = "not ready: " + readiness.reason + "\n"};
}

}  // namespace holdfast::control
