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
constexpr Duration kSoonTime = std::chrono::milliseconds(20);
constexpr Duration kWritePatience = std::chrono::seconds(10);
constexpr Duration kFarewell = std::chrono::seconds(1);
constexpr size_t kFarewellBytes = 16 << 20;

// Rounded up: a wait that ends a little early would only be begun again.
int milliseconds_until(TimePoint deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

}  // namespace

Connection::Connection(int socket, int stop_signal, OpenConnections& open, std::unique_ptr<TlsStream> tls)
    : socket_(socket), stop_signal_(stop_signal), open_(open), tls_(std::move(tls)) {
  ++open_.count;
  open_.gauge.add();
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(socket_, F_SETFD, FD_CLOEXEC);
  if (tls_) {
    fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL) | O_NONBLOCK);  // OpenSSL reads and writes by itself
  } else {
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &kSoon, sizeof kSoon);  // for receive_soon; everything else says MSG_DONTWAIT
  }
}

Connection::~Connection() {
  if (tls_) tls_->close_notify();
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

bool Connection::wait_for(TlsStream::Outcome wanted, TimePoint deadline) const {
  if (wanted == TlsStream::Outcome::closed) return false;
  return wait(wanted == TlsStream::Outcome::want_write ? POLLOUT : POLLIN, deadline) == Wait::ready;
}

bool Connection::shake_hands(TimePoint deadline) {
  if (!tls_ || hands_shaken_) return true;
  for (;;) {
    const auto outcome = tls_->handshake();
    if (outcome == TlsStream::Outcome::done) break;
    if (!wait_for(outcome, deadline)) return false;
  }
  hands_shaken_ = true;
  certificate_names_ = tls_->peer_names();
  return true;
}

// A buffer that holds a whole TLS record: nothing stays in OpenSSL that poll would not tell of.
Connection::Got Connection::read_once(int flags) {
  char buffer[kReadSize];
  ssize_t count = 0;
  if (tls_) {
    const auto [outcome, got] = tls_->read(buffer, sizeof buffer);
    if (outcome == TlsStream::Outcome::closed) return Got::end;
    if (outcome != TlsStream::Outcome::done) return Got::nothing_yet;
    count = static_cast<ssize_t>(got);
  } else {
    count = ::recv(socket_, buffer, sizeof buffer, flags);
    if (count == 0) return Got::end;
    if (count < 0) return errno == EINTR || errno == EAGAIN ? Got::nothing_yet : Got::end;
  }
  input_.append(buffer, static_cast<size_t>(count));
  return Got::bytes;
}

bool Connection::receive(TimePoint deadline) {
  for (;;) {
    const Wait waited = wait(POLLIN, deadline);
    timed_out_ = waited == Wait::timed_out;
    if (waited != Wait::ready) return false;
    const Got got = read_once(MSG_DONTWAIT);
    if (got != Got::nothing_yet) return got == Got::bytes;
  }
}

Connection::Next Connection::receive_soon() {
  if (tls_ && wait(POLLIN, steady_clock::now() + kSoonTime) != Wait::ready) return Next::not_yet;
  const Got got = read_once(0);
  return got == Got::bytes ? Next::here : got == Got::nothing_yet ? Next::not_yet : Next::gone;
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

// False: the peer is gone or the time is up. Otherwise some of the bytes may have left.
bool Connection::send_some(std::string_view& bytes, TimePoint deadline) const {
  if (tls_) {
    const auto [outcome, sent] = tls_->write(bytes);
    if (outcome != TlsStream::Outcome::done) return wait_for(outcome, deadline);
    bytes.remove_prefix(sent);
    return true;
  }
  const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count >= 0) bytes.remove_prefix(static_cast<size_t>(count));
  if (count >= 0 || errno == EINTR) return true;
  return errno == EAGAIN && wait(POLLOUT, deadline) == Wait::ready;
}

bool Connection::send(std::string_view bytes) const {
  const TimePoint deadline = steady_clock::now() + kWritePatience;
  while (!bytes.empty()) {
    if (!send_some(bytes, deadline)) return false;
  }
  return true;
}

std::optional<size_t> Connection::send_now(std::string_view bytes) const {
  if (tls_) {
    const auto [outcome, sent] = tls_->write(bytes);
    if (outcome == TlsStream::Outcome::closed) return std::nullopt;
    return outcome == TlsStream::Outcome::done ? sent : 0;
  }
  for (;;) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return std::nullopt;
  }
}

void Connection::close_gently() {
  if (tls_) tls_->close_notify();
  ::shutdown(socket_, SHUT_WR);
  const TimePoint deadline = steady_clock::now() + kFarewell;
  size_t seen = input().size();
  do {
    seen += input().size();
    use(input().size());
  } while (seen < kFarewellBytes && receive(deadline));
}

}  // namespace holdfast::control
