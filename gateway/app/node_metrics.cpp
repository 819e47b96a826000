#include "gateway/app/node_metrics.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <unistd.h>

namespace holdfast {

namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Linux 6.2 and later tell the number as the folder's size. Before that it is counted, some 0.1 s for a million.
double open_descriptors() {
  struct stat folder{};
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) return static_cast<double>(folder.st_size);
  std::error_code error;
  double count = 0;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return count;
}

double most_descriptors() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

// The n-th number of /proc/self/statm: 0 all memory, 1 what is resident.
double memory_bytes(int number) {
  std::ifstream in("/proc/self/statm");
  double pages = 0;
  for (int i = 0; i <= number; ++i) in >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// The n-th field of /proc/self/stat as proc(5) counts them. What stands before the closing parenthesis is the program's name.
double stat_field(int number) {
  std::ifstream in("/proc/self/stat");
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  std::istringstream rest(all.substr(std::min(all.size(), all.rfind(')') + 1)));
  std::string word;
  for (int i = 3; i <= number; ++i) rest >> word;
  return word.empty() ? 0 : std::strtod(word.c_str(), nullptr);
}

// When the system started, from a process's age and the time it has been up.
double start_time() {
  std::ifstream in("/proc/uptime");
  double up = 0;
  in >> up;
  const double age = up - stat_field(22) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return seconds_since_1970(SystemClock().wall()) - age;
}

void constant(Metrics& metrics, const char* name, const char* help, int64_t value) { metrics.gauge(name, help).add(value); }

int64_t broker_limit(const BrokerOptions& broker) {
  if (broker.type == "redis") return static_cast<int64_t>(broker.redis.max_waiting);
  if (broker.type == "kafka") return static_cast<int64_t>(broker.kafka.max_waiting);
  if (broker.type == "zeromq") return static_cast<int64_t>(broker.zeromq.max_waiting);
  return 0;
}

}  // namespace

double seconds_since_1970(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

void process_metrics(Metrics& metrics) {
  metrics.counter_call("process_cpu_seconds_total", "Processor time that was used, in user and system mode.", cpu_seconds);
  metrics.gauge_call("process_open_fds", "Open file descriptors: connections, files, pipes.", open_descriptors);
  metrics.gauge_call("process_max_fds", "Most file descriptors that may be open.", most_descriptors);
  metrics.gauge_call("process_resident_memory_bytes", "Memory in RAM.", [] { return memory_bytes(1); });
  metrics.gauge_call("process_virtual_memory_bytes", "Memory that is mapped.", [] { return memory_bytes(0); });
  metrics.gauge_call("process_threads", "Threads.", [] { return stat_field(20); });
  metrics.gauge_call("process_start_time_seconds", "When the process started, in seconds since 1970.",
                     [start = start_time()] { return start; });
}

void limit_metrics(Metrics& metrics, const Settings& settings, const Hub& hub, size_t loops) {
  metrics
      .gauge("holdfast_build_info", "1; the labels say what runs.",
             {{"version", HOLDFAST_VERSION}, {"role", settings.node.role}, {"broker", settings.broker.type}})
      .add();
  constant(metrics, "holdfast_loops", "Event loops, each a thread.", static_cast<int64_t>(loops));
  constant(metrics, "holdfast_connection_queue_limit_bytes", "Unsent bytes of one held connection; past it the client is dropped.",
           static_cast<int64_t>(settings.edge.hold_queue));
  constant(metrics, "holdfast_upstream_waiting_limit", "Requests that may wait for one backend on one loop; more are refused.",
           settings.upstream.max_waiting_per_target);
  constant(metrics, "holdfast_broker_waiting_limit_bytes", "Publications that may wait for the broker's answer; 0: none ever waits.",
           broker_limit(settings.broker));
  constant(metrics, "holdfast_loop_mail_limit", "Publications that may wait for one loop; more become gaps.",
           static_cast<int64_t>(Hub::most_mail()));
  constant(metrics, "holdfast_rate_waiting_limit", "Deliveries of one route that may wait for its rate; more are dropped.",
           settings.delivery.high_water_mark);
  metrics.gauge_call("holdfast_rate_waiting", "Deliveries that wait for their rate, of the route that has most.",
                     [&hub] { return static_cast<double>(hub.rates_waiting()); });
  for (size_t i = 0; i < loops; ++i) {
    metrics.gauge_call("holdfast_loop_mail", "Publications and notices that wait for a loop.",
                       [&hub, i] { return static_cast<double>(hub.mail(i)); }, {{"loop", std::to_string(i)}});
  }
}

}  // namespace holdfast
