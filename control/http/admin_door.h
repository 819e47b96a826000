#pragma once

#include <functional>

#include "control/http/handler.h"
#include "control/http/server.h"

namespace holdfast::control {

// What probes and scrapers ask. Threads: any number at once.
class AdminDoor final : public RequestHandler {
 public:
  AdminDoor(const Metrics& metrics, std::function<Readiness()> readiness) : metrics_(metrics), readiness_(std::move(readiness)) {}
  Answer answer(const Request& request) override;

 private:
  Answer readyz(std::string_view query) const;

  const Metrics& metrics_;
  const std::function<Readiness()> readiness_;
};

}  // namespace holdfast::control
