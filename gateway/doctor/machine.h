#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "gateway/base/clock.h"
#include "gateway/base/finding.h"

namespace holdfast::doctor {

// What this machine allows. A fact that cannot be read is missing, and nothing is said of it.
struct Machine {
  uint64_t descriptors = 0;              // RLIMIT_NOFILE, the hard one: a node raises itself to it
  std::optional<uint64_t> open_max;      // fs.nr_open: more is not given to any process
  std::optional<uint64_t> files_max;     // fs.file-max: of all processes
  std::optional<uint64_t> accept_queue;  // net.core.somaxconn
  std::optional<uint64_t> tracked;       // nf_conntrack_max; missing: connections are not tracked
  std::optional<uint64_t> ports;         // net.ipv4.ip_local_port_range, how many
  std::optional<uint64_t> memory;        // the least of the machine's and the cgroup's
  bool memory_of_cgroup = false;
  std::optional<bool> clock_kept;  // by NTP or the like
  std::chrono::microseconds clock_error{0};
  bool in_kubernetes = false;
  bool under_systemd = false;
};
// `root`: "" but in tests.
Machine read_machine(const std::string& root);

// What a node asks of it, by its configuration.
struct Plan {
  uint64_t loops = 1;
  uint64_t connections_per_loop = 0;
  uint64_t backend_connections = 0;  // to one address, of all loops
  uint64_t backends = 0;             // addresses
  bool tls = false;                  // clients come by TLS
  Duration drain{0};                 // delay and window
  std::optional<Duration> grace;     // what a stop is given; missing: the default of what runs the node
};
Findings judge(const Machine& machine, const Plan& plan);

}  // namespace holdfast::doctor
