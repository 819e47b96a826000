#include "control/cli/listeners.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netdb.h>
#include <unistd.h>

namespace holdfast::control {

namespace {

constexpr std::string_view kMark = "hf-bench:";

int64_t now_in_microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(Listeners::Clock::now().time_since_epoch()).count();
}

struct Place {
  std::string host, port, path;
};

Result<Place> read_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return invalid("--edge wants http://HOST:PORT/PATH, not '" + url + "'");
  const size_t slash = url.find('/', kScheme.size());
  Place place;
  place.host = url.substr(kScheme.size(), slash == std::string::npos ? slash : slash - kScheme.size());
  place.path = slash == std::string::npos ? "/" : url.substr(slash);
  place.port = "80";
  // A colon inside of brackets is the address's.
  if (const size_t colon = place.host.rfind(':'); colon != std::string::npos && place.host.find(']', colon) == std::string::npos) {
    place.port = place.host.substr(colon + 1);
    place.host.resize(colon);
  }
  if (place.host.starts_with('[') && place.host.ends_with(']')) place.host = place.host.substr(1, place.host.size() - 2);
  return place;
}

int connect_to(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && ::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

}  // namespace

std::string Listeners::stamp() { return std::string(kMark) + std::to_string(now_in_microseconds()) + ";"; }

Listeners::~Listeners() {
  for (auto& one : all_) close(one);
  if (poll_ >= 0) ::close(poll_);
}

Result<void> Listeners::open(const std::string& url, size_t count) {
  const auto place = read_url(url);
  if (!place) return fail(place.error());
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int error = ::getaddrinfo(place->host.c_str(), place->port.c_str(), &hints, &found); error != 0)
    return fail(ErrorKind::unavailable, place->host + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
  const std::string request = "GET " + place->path + " HTTP/1.1\r\nHost: " + place->host + "\r\nAccept: */*\r\n\r\n";
  poll_ = ::epoll_create1(EPOLL_CLOEXEC);
  all_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    One& one = all_[i];
    one.fd = connect_to(*addresses);
    if (one.fd < 0 || ::send(one.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      return fail(ErrorKind::unavailable,
                  "connection " + std::to_string(i + 1) + " to " + place->host + ":" + place->port + ": " + std::strerror(errno));
    epoll_event event{EPOLLIN, {.u64 = i}};
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, one.fd, &event);
    if (i % 64 == 0) turn(std::chrono::milliseconds(0));
  }
  return {};
}

void Listeners::turn(std::chrono::milliseconds patience) {
  epoll_event events[256];
  const int count = ::epoll_wait(poll_, events, 256, static_cast<int>(patience.count()));
  for (int i = 0; i < count; ++i) read(all_[events[i].data.u64]);
}

void Listeners::read(One& one) {
  char buffer[16384];
  const ssize_t got = ::recv(one.fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) return close(one);
  if (got < 0) return;
  one.rest.append(buffer, static_cast<size_t>(got));
  look(one);
}

void Listeners::look(One& one) {
  if (!one.begun) {
    const size_t end = one.rest.find("\r\n\r\n");
    if (end == std::string::npos) return;
    if (one.rest.substr(0, 12) != "HTTP/1.1 200") {
      refusal_ = one.rest.substr(0, one.rest.find('\r'));
      return close(one);
    }
    one.begun = true;
    ++begun_;
    one.rest.erase(0, end + 4);
  }
  const int64_t now = now_in_microseconds();
  size_t done = 0;
  for (size_t at; (at = one.rest.find(kMark, done)) != std::string::npos;) {
    const size_t end = one.rest.find(';', at);
    if (end == std::string::npos) {
      done = at;
      break;
    }
    int64_t sent = 0;
    std::from_chars(one.rest.data() + at + kMark.size(), one.rest.data() + end, sent);
    delays_.push_back(static_cast<float>(now - sent) / 1000);
    ++messages_;
    done = end + 1;
  }
  one.rest.erase(0, std::max(done, one.rest.size() - std::min(one.rest.size(), kMark.size())));
}

void Listeners::close(One& one) {
  if (one.fd < 0) return;
  ::close(one.fd);
  one.fd = -1;
  ++ended_;
}

}  // namespace holdfast::control
