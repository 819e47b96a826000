#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fcntl.h>
#include <unistd.h>

#include "gateway/base/text.h"
#include "gateway/net/server.h"

namespace holdfast {

namespace {

constexpr int kBacklog = 4096;

struct InetAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

tl::unexpected<Error> refuse(const ListenOptions& options, const std::string& problem) {
  return invalid((options.where.empty() ? std::string() : options.where + ": ") + "cannot listen on '" + options.address + "': " + problem);
}

Result<InetAddress> parse(const ListenOptions& options) {
  const std::string& text = options.address;
  const size_t colon = text.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : parse_uint(std::string_view(text).substr(colon + 1));
  if (!port || *port > 65535) return refuse(options, "write it as HOST:PORT, [IPV6]:PORT or unix:PATH");
  std::string host = text.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  if (host.empty() || host == "*") host = "0.0.0.0";

  InetAddress out;
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(*port));
    out.length = sizeof v4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<uint16_t>(*port));
    out.length = sizeof v6;
  } else {
    return refuse(options, "'" + host + "' is not an address of this machine");
  }
  return out;
}

void close_all(const std::vector<int>& sockets) {
  for (const int socket : sockets) ::close(socket);
}

Result<BoundAddress> bind_inet(const ListenOptions& options, size_t loops, const EdgeOptions& edge) {
  auto address = parse(options);
  if (!address) return fail(address.error());
  BoundAddress out;
  for (size_t i = 0; i < loops; ++i) {
    const int fd = ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (loops > 1) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    // Inherited by accepted sockets: a reader that stops costs this much of the kernel's memory and not its megabytes.
    const int unsent = static_cast<int>(edge.send_buffer);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (address->storage.ss_family == AF_INET6) {
      const int both = 0;
      ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both);
    }
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address->storage), address->length) != 0 || ::listen(fd, kBacklog) != 0) {
      const std::string why = std::strerror(errno);
      if (fd >= 0) ::close(fd);
      close_all(out.sockets);
      return refuse(options, why);
    }
    out.sockets.push_back(fd);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address->storage), &address->length);  // the others follow a port chosen for 0
  }
  const uint16_t port = ntohs(address->storage.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address->storage).sin_port
                                                                    : reinterpret_cast<sockaddr_in6&>(address->storage).sin6_port);
  out.address = options.address.substr(0, options.address.rfind(':') + 1) + std::to_string(port);
  return out;
}

Result<BoundAddress> bind_unix(const ListenOptions& options, size_t loops) {
  const std::string path = options.address.substr(5);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return refuse(options, "the path is empty or too long");
  path.copy(address.sun_path, path.size());
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return refuse(options, "a file that is not a socket is there");
    ::unlink(path.c_str());
  }
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, kBacklog) != 0) {
    const std::string why = std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return refuse(options, why);
  }
  if (!options.unix_mode.empty()) {
    char* end = nullptr;
    const long mode = std::strtol(options.unix_mode.c_str(), &end, 8);
    if (*end != '\0' || mode < 0 || mode > 0777 || ::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0) {
      ::close(fd);
      return refuse(options, "mode '" + options.unix_mode + "' is not an octal mode such as 660");
    }
  }
  BoundAddress out{options.address, {fd}};
  while (out.sockets.size() < loops) out.sockets.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return out;
}

}  // namespace

Result<BoundAddress> bind_address(const ListenOptions& options, size_t loops, const EdgeOptions& edge) {
  if (options.address.starts_with("unix:")) return bind_unix(options, loops);
  return bind_inet(options, loops, edge);
}

}  // namespace holdfast
