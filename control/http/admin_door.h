#pragma once

#include <functional>

#include "control/http/handler.h"
#include "control/http/server.h"

namespace holdfast::control {

class StatusPage;

// What probes and scrapers ask, and the page for people. Threads: any number at once.
class AdminDoor final : public RequestHandler {
 public:
  AdminDoor(const Metrics& metrics, std::function<Readiness()> readiness) : metrics_(metrics), readiness_(std::move(readiness)) {}
  // Before the listener starts. Null: there is none.
  void set_page(StatusPage* page) { page_ = page; }
  Answer answer(const Request& request) override;

 private:
  Answer readyz(std::string_view query) const;

  const Metrics& metrics_;
  const std::function<Readiness()> readiness_;
  StatusPage* page_ = nullptr;
};

}  // namespace holdfast::control
