#include <algorithm>

#include "gateway/base/options.h"
#include "gateway/doctor/machine.h"

namespace holdfast::doctor {

namespace {

// Beside clients and backends: listeners, the broker, publishers, logs.
constexpr uint64_t kOtherDescriptors = 1024;
constexpr uint64_t kBacklog = 4096;  // what listeners ask for
// An idle held connection in user and kernel memory, with what a delivery needs for a moment.
constexpr uint64_t kPlainConnection = 4 * 1024;
constexpr uint64_t kTlsConnection = 20 * 1024;
constexpr uint64_t kProgram = uint64_t{64} << 20;
constexpr Duration kKubernetesGrace{30'000};
constexpr Duration kSystemdGrace{90'000};
// From the end of the drain to the end of the process.
constexpr Duration kLeaving{2'000};

uint64_t clients(const Plan& plan) { return plan.loops * plan.connections_per_loop; }

std::string capacity(const Plan& plan) {
  return std::to_string(clients(plan)) + " connections (edge.max_connections " + std::to_string(plan.connections_per_loop) + " x " +
         std::to_string(plan.loops) + (plan.loops == 1 ? " loop)" : " loops)");
}

void judge_descriptors(const Machine& machine, const Plan& plan, Findings& out) {
  const uint64_t wanted = clients(plan) + plan.backends * plan.backend_connections + kOtherDescriptors;
  uint64_t given = machine.descriptors;
  if (machine.files_max) given = std::min(given, *machine.files_max);
  const std::string text = std::to_string(given) + " file descriptors; the configuration may use " + std::to_string(wanted) + ": " +
                           capacity(plan) + ", backends and others";
  if (given >= wanted) {
    out.push_back(good("descriptors", text));
  } else if (given < kOtherDescriptors + plan.loops * 64) {
    out.push_back(broken("descriptors", text, "raise LimitNOFILE= (systemd) or ulimit -Hn: hardly any client is served"));
  } else {
    const uint64_t fits = (given - std::min(given, wanted - clients(plan))) / plan.loops;
    std::string advice = "raise LimitNOFILE= (systemd) or ulimit -Hn to " + std::to_string(wanted);
    if (fits > 0) advice += ", or lower edge.max_connections to " + std::to_string(fits);
    if (machine.open_max && *machine.open_max < wanted)
      advice += "; fs.nr_open (" + std::to_string(*machine.open_max) + ") has to grow too";
    out.push_back(risky("descriptors", text, advice));
  }
}

void judge_accept_queue(const Machine& machine, Findings& out) {
  if (!machine.accept_queue) return;
  const std::string text = std::to_string(*machine.accept_queue);
  if (*machine.accept_queue >= kBacklog) return out.push_back(good("net.core.somaxconn", text));
  out.push_back(risky("net.core.somaxconn", text + ": clients that come all at once, as after a fail-over, are turned away",
                      "sysctl net.core.somaxconn=" + std::to_string(kBacklog)));
}

void judge_tracking(const Machine& machine, const Plan& plan, Findings& out) {
  if (!machine.tracked) return;
  const std::string text = std::to_string(*machine.tracked) + " tracked connections for " + capacity(plan);
  if (*machine.tracked > clients(plan)) return out.push_back(good("net.netfilter.nf_conntrack_max", text));
  out.push_back(risky("net.netfilter.nf_conntrack_max", text + ": beyond, packets are dropped",
                      "sysctl net.netfilter.nf_conntrack_max=" + std::to_string(2 * clients(plan)) + ", or leave these ports untracked"));
}

void judge_ports(const Machine& machine, const Plan& plan, Findings& out) {
  if (!machine.ports || plan.backends == 0) return;
  const std::string text = std::to_string(*machine.ports) + " local ports for up to " + std::to_string(plan.backend_connections) +
                           " connections to one backend address";
  if (*machine.ports > plan.backend_connections) return out.push_back(good("net.ipv4.ip_local_port_range", text));
  out.push_back(risky("net.ipv4.ip_local_port_range", text, "widen it to 1024 65535, or lower upstream.max_connections_per_target"));
}

void judge_memory(const Machine& machine, const Plan& plan, Findings& out) {
  if (!machine.memory) return;
  const uint64_t each = plan.tls ? kTlsConnection : kPlainConnection;
  const uint64_t wanted = clients(plan) * each + kProgram;
  const std::string text = std::to_string(*machine.memory >> 20) + " MiB" +
                           (machine.memory_of_cgroup ? " (memory limit of the cgroup)" : "") + "; " + capacity(plan) + " take about " +
                           std::to_string(wanted >> 20) + " MiB";
  if (*machine.memory > wanted) return out.push_back(good("memory", text));
  const uint64_t fits = *machine.memory > kProgram ? (*machine.memory - kProgram) / each / plan.loops : 0;
  out.push_back(risky("memory", text + ": the kernel ends the process before it is full",
                      "give more memory, or lower edge.max_connections to " + std::to_string(std::max<uint64_t>(fits, 1))));
}

void judge_clock(const Machine& machine, Findings& out) {
  if (!machine.clock_kept) return;
  const auto error = std::chrono::duration_cast<Duration>(machine.clock_error).count();
  if (*machine.clock_kept) return out.push_back(good("clock", "synchronised, within " + std::to_string(error) + " ms"));
  out.push_back(risky("clock", "nobody keeps it right: Grip-Sig tokens expire early or late, and times of messages differ by node",
                      "run chrony or systemd-timesyncd (on the host, for a container)"));
}

void judge_drain(const Machine& machine, const Plan& plan, Findings& out) {
  const std::string takes = "drain.delay and drain.window take " + format_duration(plan.drain);
  std::optional<Duration> grace = plan.grace;
  std::string from = "a stop is given ";
  if (!grace && machine.in_kubernetes) {
    grace = kKubernetesGrace;
    from = "Kubernetes gives a stop, unless told otherwise, ";
  } else if (!grace && machine.under_systemd) {
    grace = kSystemdGrace;
    from = "systemd gives a stop, unless told otherwise, ";
  }
  if (!grace) return out.push_back(good("drain", takes + "; --grace compares it with the time that a stop is given"));
  const std::string text = takes + "; " + from + format_duration(*grace);
  if (plan.drain + kLeaving <= *grace) return out.push_back(good("drain", text));
  out.push_back(broken("drain", text + ": clients are cut off in the middle",
                       "set terminationGracePeriodSeconds (Kubernetes) or TimeoutStopSec= (systemd) above " +
                           format_duration(plan.drain + kLeaving) + ", or shorten drain.window"));
}

}  // namespace

Findings judge(const Machine& machine, const Plan& plan) {
  Findings out;
  judge_descriptors(machine, plan, out);
  judge_accept_queue(machine, out);
  judge_tracking(machine, plan, out);
  judge_ports(machine, plan, out);
  judge_memory(machine, plan, out);
  judge_clock(machine, out);
  judge_drain(machine, plan, out);
  return out;
}

}  // namespace holdfast::doctor
