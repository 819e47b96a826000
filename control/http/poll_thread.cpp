#include "control/http/poll_thread.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace holdfast::control {
namespace {

Result<void> failed(const char* what) { return fail(ErrorKind::internal, std::string(what) + ": " + std::strerror(errno)); }

}  // namespace

Result<void> PollThread::start(std::function<void()> run) {
  poll_ = epoll_create1(EPOLL_CLOEXEC);
  if (poll_ < 0) return failed("epoll_create1");
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) return failed("eventfd");
  if (!add(wake_, EPOLLIN)) return failed("epoll_ctl");
  try {
    thread_ = std::thread(std::move(run));
  } catch (const std::system_error& error) {
    return fail(ErrorKind::internal, std::string("cannot start a thread: ") + error.what());
  }
  return {};
}

void PollThread::wake() const { eventfd_write(wake_, 1); }

void PollThread::join() {
  if (thread_.joinable()) thread_.join();
}

void PollThread::close() {
  join();
  for (int* descriptor : {&poll_, &wake_})
    if (*descriptor >= 0) ::close(std::exchange(*descriptor, -1));
}

bool PollThread::add(int socket, uint32_t events) const {
  epoll_event event{.events = events, .data = {.fd = socket}};
  return epoll_ctl(poll_, EPOLL_CTL_ADD, socket, &event) == 0;
}

void PollThread::change(int socket, uint32_t events) const {
  epoll_event event{.events = events, .data = {.fd = socket}};
  epoll_ctl(poll_, EPOLL_CTL_MOD, socket, &event);
}

void PollThread::remove(int socket) const { epoll_ctl(poll_, EPOLL_CTL_DEL, socket, nullptr); }

std::span<epoll_event> PollThread::wait(std::span<epoll_event> room, int milliseconds) const {
  const int count = epoll_wait(poll_, room.data(), static_cast<int>(room.size()), milliseconds);
  const auto events = room.first(static_cast<size_t>(std::max(count, 0)));
  const auto woken = std::ranges::find(events, wake_, [](const epoll_event& event) { return event.data.fd; });
  if (woken == events.end()) return events;
  eventfd_t ignored = 0;
  eventfd_read(wake_, &ignored);
  *woken = events.back();
  return events.first(events.size() - 1);
}

}  // namespace holdfast::control
