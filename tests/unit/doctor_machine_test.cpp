#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/doctor/machine.h"
#include "gateway/doctor/places.h"

namespace holdfast::doctor {
namespace {

using ::testing::HasSubstr;

const Machine kGenerous{.descriptors = 1 << 20,
                        .open_max = 1 << 20,
                        .files_max = std::nullopt,
                        .accept_queue = 4096,
                        .tracked = 1 << 20,
                        .ports = 28'232,
                        .memory = uint64_t{8} << 30,
                        .clock_kept = true};
const Plan kPlan{.loops = 2, .connections_per_loop = 50'000, .backend_connections = 2048, .backends = 3, .drain = Duration(5000)};

const Finding* find(const Findings& findings, std::string_view what) {
  for (const Finding& one : findings) {
    if (one.what == what) return &one;
  }
  return nullptr;
}

Finding only(const Machine& machine, const Plan& plan, std::string_view what) {
  const Findings findings = judge(machine, plan);
  const Finding* found = find(findings, what);
  return found == nullptr ? Finding{Finding::State::fail, "not there", {}, {}} : *found;
}

TEST(Doctor, AGenerousMachineIsFine) {
  const auto findings = judge(kGenerous, kPlan);
  EXPECT_EQ(findings.size(), 7u);
  for (const auto& one : findings) EXPECT_EQ(one.state, Finding::State::ok) << one.what;
}

TEST(Doctor, FewDescriptorsSayWhatFits) {
  Machine machine = kGenerous;
  machine.descriptors = 65'536;
  machine.open_max = 65'536;
  const Finding one = only(machine, kPlan, "descriptors");
  EXPECT_EQ(one.state, Finding::State::warn);
  // 65536 - 3 x 2048 - 1024, by two loops
  EXPECT_THAT(one.advice, HasSubstr("to 107168, or lower edge.max_connections to 29184; fs.nr_open (65536)"));
  machine.descriptors = 1024;
  EXPECT_EQ(only(machine, kPlan, "descriptors").state, Finding::State::fail);
}

TEST(Doctor, SmallQueuesTablesAndPortsAreNamed) {
  Machine machine = kGenerous;
  machine.accept_queue = 128;
  machine.tracked = 65'536;
  machine.ports = 1000;
  EXPECT_EQ(only(machine, kPlan, "net.core.somaxconn").state, Finding::State::warn);
  EXPECT_EQ(only(machine, kPlan, "net.netfilter.nf_conntrack_max").state, Finding::State::warn);
  EXPECT_EQ(only(machine, kPlan, "net.ipv4.ip_local_port_range").state, Finding::State::warn);
}

TEST(Doctor, MemoryIsForAllConnections) {
  Machine machine = kGenerous;
  machine.memory = uint64_t{1} << 30;
  machine.memory_of_cgroup = true;
  EXPECT_EQ(only(machine, kPlan, "memory").state, Finding::State::ok);
  Plan plan = kPlan;
  plan.tls = true;
  const Finding one = only(machine, plan, "memory");
  EXPECT_EQ(one.state, Finding::State::warn);
  EXPECT_THAT(one.text, HasSubstr("memory limit of the cgroup"));
}

TEST(Doctor, AClockThatNobodyKeepsIsNamed) {
  Machine machine = kGenerous;
  machine.clock_kept = false;
  EXPECT_EQ(only(machine, kPlan, "clock").state, Finding::State::warn);
  machine.clock_kept.reset();
  EXPECT_EQ(find(judge(machine, kPlan), "clock"), nullptr);
}

TEST(Doctor, ADrainMustFitIntoTheTimeOfAStop) {
  Machine machine = kGenerous;
  Plan plan = kPlan;
  plan.drain = Duration(29'000);
  EXPECT_EQ(only(machine, plan, "drain").state, Finding::State::ok);
  machine.in_kubernetes = true;
  EXPECT_EQ(only(machine, plan, "drain").state, Finding::State::fail);
  plan.grace = Duration(60'000);
  EXPECT_EQ(only(machine, plan, "drain").state, Finding::State::ok);
  plan.grace = Duration(30'999);
  EXPECT_EQ(only(machine, plan, "drain").state, Finding::State::fail);
}

TEST(Doctor, ReadsWhatTheKernelTells) {
  const auto root = std::filesystem::temp_directory_path() / ("doctor-" + std::to_string(::getpid()));
  const auto put = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  };
  put("proc/sys/fs/nr_open", "1048576\n");
  put("proc/sys/net/core/somaxconn", "128\n");
  put("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
  put("proc/meminfo", "MemTotal:       2048 kB\nMemFree: 1 kB\n");
  put("sys/fs/cgroup/memory.max", "max\n");
  put("run/systemd/system/x", "");
  const Machine machine = read_machine(root.string());
  EXPECT_EQ(machine.open_max, 1'048'576u);
  EXPECT_EQ(machine.accept_queue, 128u);
  EXPECT_EQ(machine.ports, 28'232u);
  EXPECT_EQ(machine.memory, 2'097'152u);
  EXPECT_FALSE(machine.memory_of_cgroup);
  EXPECT_FALSE(machine.tracked);
  EXPECT_TRUE(machine.under_systemd);
  put("sys/fs/cgroup/memory.max", "1048576\n");
  EXPECT_EQ(read_machine(root.string()).memory, 1'048'576u);
  EXPECT_TRUE(read_machine(root.string()).memory_of_cgroup);
  std::filesystem::remove_all(root);
}

TEST(Doctor, DoorsAreFreeBeforeAndTakenAfterTheStart) {
  const std::vector<Place> nobody{{"clients 127.0.0.1:1", "127.0.0.1", "1"}};
  EXPECT_EQ(look_at_doors(nobody, false, Duration(1000))[0].state, Finding::State::ok);
  EXPECT_EQ(look_at_doors(nobody, true, Duration(1000))[0].state, Finding::State::fail);
  EXPECT_EQ(reach_backends(nobody, Duration(1000))[0].text, "Connection refused");
}

}  // namespace
}  // namespace holdfast::doctor
