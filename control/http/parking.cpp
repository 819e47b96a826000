#include "control/http/parking.h"

#include <algorithm>
#include <array>

namespace holdfast::control {
namespace {

constexpr size_t kEventsAtOnce = 64;

}  // namespace

Parking::Parking(Duration patience, std::function<void(ConnectionPtr)> ready) : patience_(patience), ready_(std::move(ready)) {}

Result<void> Parking::start() {
  return thread_.start([this] { run(); });
}

void Parking::stop() {
  Places leaving;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    leaving.swap(places_);
    by_socket_.clear();
  }
  if (thread_.started()) thread_.wake();
  thread_.join();
  leaving.clear();
  thread_.close();
}

void Parking::park(ConnectionPtr connection) {
  const int socket = connection->socket();
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  if (!thread_.add(socket, EPOLLIN | EPOLLRDHUP)) return;  // out of memory: closes the connection
  places_.push_back({std::move(connection), std::chrono::steady_clock::now() + patience_});
  by_socket_[socket] = std::prev(places_.end());
  if (places_.size() == 1) thread_.wake();  // it sleeps without an end when nobody is here
}

void Parking::run() {
  std::array<epoll_event, kEventsAtOnce> room;
  for (;;) {
    for (const auto& event : thread_.wait(room, sleep_milliseconds())) {
      if (ConnectionPtr connection = leave(event.data.fd)) ready_(std::move(connection));
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
  thread_.remove(socket);
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

}  // namespace holdfast::control
