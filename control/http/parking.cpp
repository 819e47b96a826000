#include "control/http/parking.h"

#include <algorithm>
#include <cstring>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>

#include <unistd.h>

namespace holdfast::control {
namespace {

constexpr int kEventsAtOnce = 64;

Result<void> failed(const char* what) { return fail(ErrorKind::internal, std::string(what) + ": " + std::strerror(errno)); }

}  // namespace

Parking::Parking(Duration patience, std::function<void(ConnectionPtr)> ready) : patience_(patience), ready_(std::move(ready)) {}

Result<void> Parking::start() {
  poll_ = epoll_create1(EPOLL_CLOEXEC);
  if (poll_ < 0) return failed("epoll_create1");
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) return failed("eventfd");
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_}};
  if (epoll_ctl(poll_, EPOLL_CTL_ADD, wake_, &event) != 0) return failed("epoll_ctl");
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return fail(ErrorKind::internal, std::string("cannot start a thread: ") + error.what());
  }
  return {};
}

void Parking::stop() {
  Places leaving;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    leaving.swap(places_);
    by_socket_.clear();
  }
  if (thread_.joinable()) {
    wake();
    thread_.join();
  }
  leaving.clear();
  for (int* descriptor : {&poll_, &wake_})
    if (*descriptor >= 0) ::close(std::exchange(*descriptor, -1));
}

void Parking::park(ConnectionPtr connection) {
  const int socket = connection->socket();
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.fd = socket}};
  if (epoll_ctl(poll_, EPOLL_CTL_ADD, socket, &event) != 0) return;  // out of memory: closes the connection
  places_.push_back({std::move(connection), std::chrono::steady_clock::now() + patience_});
  by_socket_[socket] = std::prev(places_.end());
  if (places_.size() == 1) wake();  // it sleeps without an end when nobody is here
}

void Parking::run() {
  epoll_event events[kEventsAtOnce];
  for (;;) {
    const int count = epoll_wait(poll_, events, kEventsAtOnce, sleep_milliseconds());
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == wake_) {
        eventfd_t ignored = 0;
        eventfd_read(wake_, &ignored);
      } else if (ConnectionPtr connection = leave(events[i].data.fd)) {
        ready_(std::move(connection));
      }
    }
    close_expired();
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
}

int Parking::sleep_milliseconds() {
  const std::lock_guard lock(mutex_);
  if (stopping_) return 0;
  if (places_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(places_.front().deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

ConnectionPtr Parking::leave(int socket) {
  const std::lock_guard lock(mutex_);
  const auto found = by_socket_.find(socket);
  if (found == by_socket_.end()) return nullptr;
  epoll_ctl(poll_, EPOLL_CTL_DEL, socket, nullptr);
  ConnectionPtr connection = std::move(found->second->connection);
  places_.erase(found->second);
  by_socket_.erase(found);
  return connection;
}

void Parking::close_expired() {
  Places expired;  // closed after the lock is gone
  const std::lock_guard lock(mutex_);
  const TimePoint now = std::chrono::steady_clock::now();
  while (!places_.empty() && places_.front().deadline <= now) {
    by_socket_.erase(places_.front().connection->socket());
    expired.splice(expired.end(), places_, places_.begin());
  }
}

void Parking::wake() const { eventfd_write(wake_, 1); }

}  // namespace holdfast::control
