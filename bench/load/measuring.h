// What a load generator reads of clocks, processes and sockets. Whatever fails ends it.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <netinet/tcp.h>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <vector>

#include <unistd.h>

namespace holdfast::bench {

[[noreturn]] inline void die(const char* format, ...) __attribute__((format(printf, 1, 2)));
inline void die(const char* format, ...) {
  va_list more;
  va_start(more, format);
  std::fprintf(stderr, "fanout: ");
  std::vfprintf(stderr, format, more);
  std::fprintf(stderr, "\n");
  va_end(more);
  std::exit(2);
}

inline double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

inline sockaddr_in address(const std::string& text) {
  const size_t colon = text.rfind(':');
  sockaddr_in at{};
  at.sin_family = AF_INET;
  if (colon == std::string::npos || ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &at.sin_addr) != 1)
    die("not an address: %s", text.c_str());
  at.sin_port = htons(static_cast<uint16_t>(std::atoi(text.c_str() + colon + 1)));
  return at;
}

inline int dial(const sockaddr_in& at) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  const linger reset{1, 0};
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) die("cannot connect: %s", std::strerror(errno));
  return fd;
}

inline double cpu_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t end = text.rfind(')');
  unsigned long user = 0, system = 0;
  if (end == std::string::npos ||
      std::sscanf(text.c_str() + end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
    die("process %d is gone", pid);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

inline double own_cpu() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Sorts.
inline std::string percentiles(std::vector<uint32_t>& us) {
  if (us.empty()) return "null";
  std::sort(us.begin(), us.end());
  const auto at = [&](double p) { return us[std::min(us.size() - 1, static_cast<size_t>(p * static_cast<double>(us.size())))]; };
  std::ostringstream out;
  out << "{\"p50\":" << at(0.5) << ",\"p99\":" << at(0.99) << ",\"max\":" << us.back() << "}";
  return out.str();
}

}  // namespace holdfast::bench
