#include "control/http/event_streams.h"

#include <array>
#include <cstdio>
#include <utility>

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

}  // namespace

Result<void> EventStreams::start() {
  return thread_.start([this] { run(); });
}

void EventStreams::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (thread_.started()) thread_.wake();
  }
  thread_.join();
  const std::lock_guard lock(mutex_);
  thread_.close();
}

bool EventStreams::add(std::shared_ptr<Connection> connection, std::shared_ptr<EventSource> source) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || count_ >= most_ || !thread_.started()) return false;
  ++count_;
  open_.add();
  const int socket = connection->socket();
  new_.emplace_back(socket, Stream{std::move(connection), std::move(source), std::string(kHead), steady_clock::now()});
  thread_.wake();
  return true;
}

void EventStreams::wake(int socket) {
  const std::lock_guard lock(mutex_);
  ready_.push_back(socket);
  if (thread_.started() && ready_.size() == 1) thread_.wake();
}

void EventStreams::run() {
  std::array<epoll_event, 64> room;
  TimePoint leave = TimePoint::max();
  while (steady_clock::now() < leave) {
    const auto events = thread_.wait(room, leave == TimePoint::max() ? kLook : 20);
    take_new();
    for (const auto& event : events) {
      if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        drop(event.data.fd);
      else
        pump(event.data.fd);
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
    auto& kept = streams_[socket] = std::move(stream);
    if (!thread_.add(socket, EPOLLRDHUP)) {
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
    thread_.change(socket, EPOLLRDHUP | (blocked ? static_cast<uint32_t>(EPOLLOUT) : 0U));
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
  thread_.remove(socket);
  found->second.source->on_ready({});  // nobody wakes a socket's next owner
  streams_.erase(found);
  const std::lock_guard lock(mutex_);
  --count_;
  open_.sub();
}

}  // namespace holdfast::control
