#include "gateway/base/reach.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <sys/socket.h>
#include <sys/un.h>

#include <netdb.h>
#include <poll.h>
#include <unistd.h>

namespace holdfast {

namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

class Socket {
 public:
  explicit Socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  Result<void> connect(const sockaddr* address, socklen_t size, Duration patience) {
    if (fd_ < 0) return failed(errno);
    if (::connect(fd_, address, size) == 0) return {};
    if (errno != EINPROGRESS) return failed(errno);
    pollfd wait{fd_, POLLOUT, 0};
    if (::poll(&wait, 1, static_cast<int>(patience.count())) == 0) return failed(ETIMEDOUT);
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return failed(error);
    return {};
  }

 private:
  static Result<void> failed(int error) { return fail(ErrorKind::unavailable, std::strerror(error)); }

  int fd_;
};

}  // namespace

Result<void> reach_tcp(const std::string& host, const std::string& port, Duration patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (code != 0) return fail(ErrorKind::unavailable, ::gai_strerror(code));
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  Result<void> last = fail(ErrorKind::unavailable, "the name has no address");
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    Socket socket(each->ai_family);
    last = socket.connect(each->ai_addr, each->ai_addrlen, patience);
    if (last) return last;
  }
  return last;
}

Result<void> reach_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorKind::unavailable, "the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Socket socket(AF_UNIX);
  return socket.connect(reinterpret_cast<const sockaddr*>(&address), sizeof address, Duration(1000));
}

}  // namespace holdfast
