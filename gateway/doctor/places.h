#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/finding.h"

namespace holdfast::doctor {

// Somewhere that connections are accepted, or should be.
struct Place {
  std::string what;  // "backend 10.0.0.1:8000 (routes:3)"
  std::string host;  // or the path of a Unix socket
  std::string port;
  bool unix_socket = false;
};

// Whether each backend accepts connections. Blocks, up to `patience` for each.
Findings reach_backends(const std::vector<Place>& backends, Duration patience);

// A node's own doors. `running`: it should be there now; otherwise they should be free for it.
Findings look_at_doors(const std::vector<Place>& doors, bool running, Duration patience);

}  // namespace holdfast::doctor
