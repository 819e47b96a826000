#include "gateway/net/socket_stream.h"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <unistd.h>

namespace holdfast {

SocketStream::SocketStream(Loop& loop, int fd) : loop_(loop), fd_(fd) { loop_.add(fd_, *this); }

SocketStream::~SocketStream() {
  loop_.remove(fd_, *this);
  ::close(fd_);
}

void SocketStream::wait_readable(StreamUser& user) {
  user_ = &user;
  waits_readable_ = true;
  if (readable_) nudge();
}

void SocketStream::wait_writable(StreamUser& user) {
  user_ = &user;
  waits_writable_ = true;
  if (writable_) nudge();
}

void SocketStream::nudge() {
  if (nudged_) return;
  nudged_ = true;
  loop_.nudge(*this);
}

void SocketStream::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void SocketStream::on_events(uint32_t events) {
  if (events == 0) nudged_ = false;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ended_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
  if (established()) tell();
}

void SocketStream::tell() {
  if (writable_ && waits_writable_) {
    // One a time: it may destroy this stream, and a nudge is forgotten with it.
    if (readable_ && waits_readable_) nudge();
    waits_writable_ = false;
    user_->on_stream_writable();
  } else if (readable_ && waits_readable_) {
    waits_readable_ = false;
    user_->on_stream_readable();
  }
}

namespace {

class PlainStream final : public SocketStream {
 public:
  using SocketStream::SocketStream;

  Outcome read(char* into, size_t size) override {
    const ssize_t got = ::recv(fd_, into, size, 0);
    if (got > 0) {
      // An edge tells of later bytes, so a short read needs no second call that only says EAGAIN.
      if (static_cast<size_t>(got) < size && !ended_) readable_ = false;
      return {Io::done, static_cast<size_t>(got)};
    }
    if (got == 0) return {Io::closed, 0};
    if (errno == EAGAIN || errno == EINTR) {
      readable_ = errno == EINTR;
      return {Io::again, 0};
    }
    return {Io::error, 0};
  }

  Outcome write(const iovec* parts, size_t count) override {
    const ssize_t sent = count == 1 ? ::send(fd_, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL) : send_parts(parts, count);
    if (sent >= 0) return {Io::done, static_cast<size_t>(sent)};
    if (errno == EAGAIN || errno == EINTR) {
      writable_ = errno == EINTR;
      return {Io::again, 0};
    }
    return {Io::error, 0};
  }

  void shutdown_send() override { ::shutdown(fd_, SHUT_WR); }

 private:
  // Dearer than send(), whose kernel side copies no vector: one message to many listeners is one part each.
  ssize_t send_parts(const iovec* parts, size_t count) const {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = count;
    return ::sendmsg(fd_, &message, MSG_NOSIGNAL);
  }
};

}  // namespace

std::unique_ptr<Stream> make_stream(Loop& loop, int socket) { return std::make_unique<PlainStream>(loop, socket); }

}  // namespace holdfast
