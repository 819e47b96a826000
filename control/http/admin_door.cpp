#include "control/http/admin_door.h"

namespace holdfast::control {

Answer AdminDoor::answer(const Request& request) {
  if (request.path != "/metrics" && request.path != "/livez" && request.path != "/readyz") return {.status = 404, .body = "Not Found\n"};
  if (request.method != "GET" && request.method != "HEAD")
    return {.status = 405, .body = "Method not allowed: " + std::string(request.method) + ".\n", .fields = {{"Allow", "GET, HEAD"}}};
  if (request.path == "/metrics") return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_.render()};
  if (request.path == "/livez") return {.body = "ok\n"};  // a broker that is down is no reason to restart this process
  return readyz();
}

Answer AdminDoor::readyz() const {
  const Readiness readiness = readiness_ ? readiness_() : Readiness{};
  if (readiness.ready) return {.body = "ready\n"};
  return {.status = 503, .body = "not ready: " + readiness.reason + "\n"};
}

}  // namespace holdfast::control
