#include "gateway/doctor/machine.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include "gateway/base/text.h"

namespace holdfast::doctor {

namespace {

std::optional<std::string> read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<uint64_t> read_number(const std::string& path) {
  const auto line = read_line(path);
  return line ? parse_uint(trim(*line)) : std::nullopt;  // "max" is no number
}

std::optional<uint64_t> read_ports(const std::string& path) {
  std::istringstream line(read_line(path).value_or(""));
  uint64_t first = 0;
  uint64_t last = 0;
  if (!(line >> first >> last) || last < first) return std::nullopt;
  return last - first + 1;
}

std::optional<uint64_t> read_memory_total(const std::string& path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    uint64_t kib = 0;
    if (words >> name >> kib && name == "MemTotal:") return kib * 1024;
  }
  return std::nullopt;
}

void read_memory(const std::string& root, Machine& machine) {
  machine.memory = read_memory_total(root + "/proc/meminfo");
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const auto limit = read_number(root + path);
    if (!limit || (machine.memory && *limit >= *machine.memory)) continue;
    machine.memory = limit;
    machine.memory_of_cgroup = true;
  }
}

void read_clock(Machine& machine) {
  timex state{};
  const int answer = ::adjtimex(&state);
  if (answer < 0) return;
  machine.clock_kept = answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  machine.clock_error = std::chrono::microseconds(state.maxerror);
}

}  // namespace

Machine read_machine(const std::string& root) {
  Machine out;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.descriptors = limit.rlim_max;
  const std::string sys = root + "/proc/sys/";
  out.open_max = read_number(sys + "fs/nr_open");
  out.files_max = read_number(sys + "fs/file-max");
  out.accept_queue = read_number(sys + "net/core/somaxconn");
  out.tracked = read_number(sys + "net/netfilter/nf_conntrack_max");
  out.ports = read_ports(sys + "net/ipv4/ip_local_port_range");
  read_memory(root, out);
  read_clock(out);
  struct stat found{};
  out.in_kubernetes = std::getenv("KUBERNETES_SERVICE_HOST") != nullptr;
  out.under_systemd = ::stat((root + "/run/systemd/system").c_str(), &found) == 0;
  return out;
}

}  // namespace holdfast::doctor
