#pragma once

#include <functional>
#include <string>

#include "control/fleet.h"
#include "control/gap_log.h"
#include "control/http/server.h"
#include "control/service.h"
#include "gateway/base/metrics.h"

namespace holdfast::control {

// Whom a request to the status page may be shown what.
struct StatusAccess {
  bool private_parts = false;  // names of channels
  bool publish = false;
};

// What the status page shows, as JSON. The page asks every second or so and draws what changes; nothing is kept here for that.
// Threads: any.
class StatusFacts {
 public:
  StatusFacts(const StatusSources& sources, Metrics& metrics, std::function<Readiness()> readiness);

  std::string json(const StatusAccess& access, bool has_tokens) const;

 private:
  const StatusSources sources_;
  const std::function<Readiness()> readiness_;
  struct Named {
    const char* name;
    const Count* count;
  };
  std::vector<Named> connections_, counts_;
  const Histogram& lag_;
};

}  // namespace holdfast::control
