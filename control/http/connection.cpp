#include "control/http/connection.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace holdfast::control {
namespace {

using std::chrono::steady_clock;

constexpr size_t kReadSize = 16'384;
constexpr timeval kSoon{.tv_sec = 0, .tv_usec = 20'000};
constexpr Duration kWritePatience = std::chrono::seconds(10);
constexpr Duration kFarewell = std::chrono::seconds(1);
constexpr size_t kFarewellBytes = 16 << 20;

// Rounded up: a wait that ends a little early would only be begun again.
int milliseconds_until(TimePoint deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

}  // namespace

Connection::Connection(int socket, int stop_signal, OpenConnections& open) : socket_(socket), stop_signal_(stop_signal), open_(open) {
  ++open_.count;
  open_.gauge.add();
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(socket_, F_SETFD, FD_CLOEXEC);
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &kSoon, sizeof kSoon);  // for receive_soon; everything else says MSG_DONTWAIT
}

Connection::~Connection() {
  ::close(socket_);
  --open_.count;
  open_.gauge.sub();
}

Connection::Wait Connection::wait(short events, TimePoint deadline) const {
  pollfd watched[2] = {{socket_, events, 0}, {stop_signal_, POLLIN, 0}};
  for (;;) {
    const int ready = ::poll(watched, 2, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Wait::timed_out;
    return watched[0].revents != 0 ? Wait::ready : Wait::stopping;
  }
}

bool Connection::receive(TimePoint deadline) {
  char buffer[kReadSize];
  for (;;) {
    const Wait waited = wait(POLLIN, deadline);
    timed_out_ = waited == Wait::timed_out;
    if (waited != Wait::ready) return false;
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count > 0) {
      input_.append(buffer, static_cast<size_t>(count));
      return true;
    }
    if (count == 0 || (errno != EINTR && errno != EAGAIN)) return false;
  }
}

Connection::Next Connection::receive_soon() {
  char buffer[kReadSize];
  const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
  if (count > 0) {
    input_.append(buffer, static_cast<size_t>(count));
    return Next::here;
  }
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? Next::not_yet : Next::gone;
}

std::string Connection::address() const {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  char text[INET6_ADDRSTRLEN] = "";
  const void* number = peer.ss_family == AF_INET6 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr)
                                                  : static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&peer)->sin_addr);
  return ::inet_ntop(peer.ss_family, number, text, sizeof text) != nullptr ? text : "";
}

void Connection::acknowledge() const {
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void Connection::use(size_t count) {
  used_ += std::min(count, input_.size() - used_);
  if (used_ < input_.size() && used_ < kReadSize) return;
  input_.erase(0, used_);
  used_ = 0;
  // A kept-alive connection may idle for long: one large request must not make all later ones expensive.
  if (input_.empty() && input_.capacity() > kReadSize) input_.shrink_to_fit();
}

bool Connection::send(std::string_view bytes) const {
  const TimePoint deadline = steady_clock::now() + kWritePatience;
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0)
      bytes.remove_prefix(static_cast<size_t>(count));
    else if (errno == EAGAIN) {
      if (wait(POLLOUT, deadline) != Wait::ready) return false;
    } else if (errno != EINTR)
      return false;
  }
  return true;
}

void Connection::close_gently() {
  ::shutdown(socket_, SHUT_WR);
  const TimePoint deadline = steady_clock::now() + kFarewell;
  size_t seen = input().size();
  do {
    seen += input().size();
    use(input().size());
  } while (seen < kFarewellBytes && receive(deadline));
}

}  // namespace holdfast::control
