#include "control/http/event_streams.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace holdfast::control {
namespace {

using std::chrono::steady_clock;

constexpr size_t kRendered = 65'536;  // so much is taken from a source ahead of its reader
constexpr Duration kKeepAlive = std::chrono::seconds(15);
constexpr Duration kPatience = std::chrono::seconds(45);  // with a reader that takes nothing
constexpr Duration kFarewell = std::chrono::seconds(1);
constexpr int kLook = 1000;  // milliseconds between looks at silent ones

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";

std::string chunk(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return std::string(size).append(text).append("\r\n");
}

Result<void> failed(const char* what) { return fail(ErrorKind::internal, std::string(what) + ": " + std::strerror(errno)); }

}  // namespace

Result<void> EventStreams::start() {
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

void EventStreams::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (wake_ >= 0) eventfd_write(wake_, 1);
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  for (int* descriptor : {&poll_, &wake_})
    if (*descriptor >= 0) ::close(std::exchange(*descriptor, -1));
}

bool EventStreams::add(std::shared_ptr<Connection> connection, std::shared_ptr<EventSource> source) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || count_ >= most_ || wake_ < 0) return false;
  ++count_;
  open_.add();
  const int socket = connection->socket();
  new_.emplace_back(socket, Stream{std::move(connection), std::move(source), std::string(kHead), steady_clock::now()});
  eventfd_write(wake_, 1);
  return true;
}

void EventStreams::wake(int socket) {
  const std::lock_guard lock(mutex_);
  ready_.push_back(socket);
  if (wake_ >= 0 && ready_.size() == 1) eventfd_write(wake_, 1);
}

void EventStreams::run() {
  epoll_event events[64];
  TimePoint leave = TimePoint::max();
  while (steady_clock::now() < leave) {
    const int count = epoll_wait(poll_, events, 64, leave == TimePoint::max() ? kLook : 20);
    take_new();
    for (int i = 0; i < count; ++i) {
      const int socket = events[i].data.fd;
      if (socket == wake_) {
        eventfd_t ignored = 0;
        eventfd_read(wake_, &ignored);
      } else if ((events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        drop(socket);
      } else {
        pump(socket);
      }
    }
    std::vector<int> ready;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      ready.swap(ready_);
      stopping = stopping_;
    }
    if (stopping && leave == TimePoint::max()) {
      leave = steady_clock::now() + kFarewell;
      for (auto& [socket, stream] : streams_) {
        stream.source->end("the node stops");
        ready.push_back(socket);
      }
    }
    for (const int socket : ready) pump(socket);
    tend_silent();
    if (stopping && streams_.empty()) break;
  }
  while (!streams_.empty()) drop(streams_.begin()->first);
}

void EventStreams::take_new() {
  std::vector<std::pair<int, Stream>> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(new_);
  }
  for (auto& [socket, stream] : arrived) {
    epoll_event event{.events = EPOLLRDHUP, .data = {.fd = socket}};
    auto& kept = streams_[socket] = std::move(stream);
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, socket, &event) != 0) {
      drop(socket);
      continue;
    }
    kept.source->on_ready([this, at = socket] { wake(at); });
    pump(socket);
  }
}

void EventStreams::pump(int socket) {
  const auto found = streams_.find(socket);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  while (flush(socket, stream)) {
    if (stream.last) return drop(socket);
    auto text = stream.source->next();
    if (!text) return;
    std::string batch = *std::move(text);
    while (batch.size() < kRendered && !stream.source->ended()) {
      text = stream.source->next();
      if (!text) break;
      batch += *text;
    }
    stream.pending = chunk(batch);
    if (stream.source->ended()) {
      stream.pending += "0\r\n\r\n";
      stream.last = true;
    }
  }
}

// False: the socket takes no more now (then it is waited for), or the peer is gone.
bool EventStreams::flush(int socket, Stream& stream) {
  while (!stream.pending.empty()) {
    const auto count = stream.connection->send_now(stream.pending);
    if (!count) {
      drop(socket);
      return false;
    }
    if (*count == 0) break;
    stream.wrote = steady_clock::now();
    stream.pending.erase(0, *count);
  }
  const bool blocked = !stream.pending.empty();
  if (blocked != stream.blocked) {
    stream.blocked = blocked;
    epoll_event event{.events = EPOLLRDHUP | (blocked ? static_cast<uint32_t>(EPOLLOUT) : 0U), .data = {.fd = socket}};
    epoll_ctl(poll_, EPOLL_CTL_MOD, socket, &event);
  }
  return !blocked;
}

void EventStreams::tend_silent() {
  const TimePoint now = steady_clock::now();
  std::vector<int> silent, gone;
  for (const auto& [socket, stream] : streams_) {
    if (stream.blocked ? now - stream.wrote > kPatience : now - stream.wrote > kKeepAlive)
      (stream.blocked ? gone : silent).push_back(socket);
  }
  for (const int socket : gone) drop(socket);
  for (const int socket : silent) {
    Stream& stream = streams_.at(socket);
    stream.pending = chunk(": keep-alive\n\n");
    flush(socket, stream);
  }
}

void EventStreams::drop(int socket) {
  const auto found = streams_.find(socket);
  if (found == streams_.end()) return;
  epoll_ctl(poll_, EPOLL_CTL_DEL, socket, nullptr);
  found->second.source->on_ready({});  // nobody wakes a socket's next owner
  streams_.erase(found);
  const std::lock_guard lock(mutex_);
  --count_;
  open_.sub();
}

}  // namespace holdfast::control
