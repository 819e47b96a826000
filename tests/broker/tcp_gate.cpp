#include "tcp_gate.h"

#include <arpa/inet.h>
#include <random>
#include <set>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace holdfast::broker_test {

namespace {

constexpr size_t kMostWaiting = 1 << 20;  // per direction; then the sender waits

sockaddr_in loopback(uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  return at;
}

uint16_t port_of(int fd) {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  return ntohs(at.sin_port);
}

int tcp_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

bool binds(int fd, uint16_t port) {
  const auto at = loopback(port);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}

int bound_socket() {
  const int fd = tcp_socket();
  EXPECT_TRUE(binds(fd, 0));
  return fd;
}

}  // namespace

// None that the system takes for outgoing connections (from 32768 on): one of those may have it by the time it is bound. With room for the
// second port of a Redis Cluster, 10000 above.
uint16_t free_port() {
  static std::random_device random;
  static std::set<uint16_t> given;
  for (;;) {
    const auto port = static_cast<uint16_t>(10'000 + random() % 12'000);
    if (given.contains(port)) continue;
    const int fd = tcp_socket();
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool free = binds(fd, port);
    ::close(fd);
    if (!free) continue;
    given.insert(port);
    return port;
  }
}

TcpGate::TcpGate(uint16_t target) : target_(target), listener_(bound_socket()), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  EXPECT_EQ(::listen(listener_, 64), 0);
  port_ = port_of(listener_);
  thread_ = std::thread([this] { run(); });
}

TcpGate::~TcpGate() {
  set(Mode::ended);
  thread_.join();
  ::close(listener_);
  ::close(wake_);
}

void TcpGate::set(Mode mode) {
  wanted_ = mode;
  const uint64_t one = 1;
  EXPECT_EQ(::write(wake_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  for (Mode now = is_; now != mode; now = is_) is_.wait(now);
}

void TcpGate::forget(size_t pair, bool reset) {
  const auto& ends = pairs_[pair];
  for (const int fd : {ends.client, ends.server}) {
    const linger at_once{1, 0};
    if (reset) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(fd);
  }
  pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(pair));
}

void TcpGate::enter(Mode mode) {
  for (size_t i = pairs_.size(); i-- > 0;) {
    auto& pair = pairs_[i];
    if (mode == Mode::ended || (mode == Mode::cut && !pair.spared)) {
      forget(i, true);
    } else if (mode == Mode::stranding) {
      pair.stranded = !pair.spared;
    } else if (mode == Mode::sparing) {
      pair.spared = !pair.stranded;
    }
  }
  is_ = mode;
  is_.notify_all();
}

void TcpGate::run() {
  for (;;) {
    const Mode mode = wanted_;
    if (is_ != mode) enter(mode);
    if (mode == Mode::ended) return;

    std::vector<pollfd> polled{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const auto& pair : pairs_) {
      const auto events = [](const std::string& out, const std::string& in) {
        return static_cast<short>((in.size() < kMostWaiting ? POLLIN : 0) | (out.empty() ? 0 : POLLOUT));
      };
      const bool moves = pair.spared || (mode != Mode::stalled && !pair.stranded);
      polled.push_back({moves ? pair.client : -1, events(is_muted(pair) ? "" : pair.down, pair.up), 0});
      polled.push_back({moves ? pair.server : -1, events(pair.up, pair.down), 0});
      if (is_muted(pair)) polled.back().events &= static_cast<short>(~POLLIN);
    }
    ::poll(polled.data(), polled.size(), -1);
    uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_, &count, sizeof count);
    if (wanted_ != mode) continue;
    for (size_t i = pairs_.size(); i-- > 0;) {
      auto& pair = pairs_[i];
      if (polled[2 + 2 * i].fd < 0) continue;
      if (move(pair.client, pair.server, pair.up, polled[2 + 2 * i].revents) &&
          (is_muted(pair) || move(pair.server, pair.client, pair.down, polled[3 + 2 * i].revents)))
        continue;
      forget(i, false);
    }
    if (polled[1].revents != 0) accept_one();
  }
}

void TcpGate::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto to = loopback(target_);
  if (wanted_ == Mode::cut || ::connect(server, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(client);
    ::close(server);
    return;
  }
  pairs_.push_back({client, server, {}, {}, false, false});
}

// False: one end closed.
bool TcpGate::move(int from, int to, std::string& waiting, short events) {
  if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) {
    char buffer[65536];
    const ssize_t count = ::recv(from, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return false;
    if (count > 0) waiting.append(buffer, static_cast<size_t>(count));
  }
  if (waiting.empty()) return true;
  const ssize_t count = ::send(to, waiting.data(), waiting.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0) return errno == EAGAIN;
  waiting.erase(0, static_cast<size_t>(count));
  return true;
}

}  // namespace holdfast::broker_test
