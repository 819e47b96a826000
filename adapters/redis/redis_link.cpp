#include "adapters/redis/redis_link.h"

#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

namespace holdfast {

namespace {

constexpr size_t kReadSize = 65536;
constexpr size_t kMostReads = 16;  // for one poll(): the other connection must be served too

tl::unexpected<Error> broken(std::string text) { return fail(ErrorKind::unavailable, std::move(text)); }

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

}  // namespace

void RedisLink::FreeReply::operator()(redisReply* reply) const { ::freeReplyObject(reply); }
void RedisLink::FreeReader::operator()(redisReader* reader) const { ::redisReaderFree(reader); }

RedisLink::RedisLink() = default;
RedisLink::~RedisLink() { close(); }

Result<void> RedisLink::open(const RedisAddress& address) {
  close();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (code != 0) return broken(address.host + ": " + ::gai_strerror(code));
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  fd_ = ::socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return broken(std::strerror(errno));
  const int one = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(fd_, list->ai_addr, list->ai_addrlen) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    close();
    return broken(std::strerror(error));
  }
  connecting_ = true;
  reader_.reset(::redisReaderCreate());
  heard_at_ = std::chrono::steady_clock::now();
  return {};
}

void RedisLink::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  connecting_ = false;
  std::string().swap(out_);
  sent_ = 0;
  reader_.reset();
}

short RedisLink::events() const { return static_cast<short>(connecting_ || unsent() > 0 ? POLLIN | POLLOUT : POLLIN); }

void RedisLink::send(const Arguments& arguments) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (const auto argument : arguments) {
    texts.push_back(argument.empty() ? "" : argument.data());
    sizes.push_back(argument.size());
  }
  char* command = nullptr;
  const int size = ::redisFormatCommandArgv(&command, static_cast<int>(texts.size()), texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  out_.append(command, static_cast<size_t>(size));
  ::redisFreeCommand(command);
}

Result<void> RedisLink::flush() {
  while (sent_ < out_.size()) {
    const ssize_t count = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (count < 0) return broken(std::strerror(errno));
    sent_ += static_cast<size_t>(count);
  }
  std::string().swap(out_);
  sent_ = 0;
  return {};
}

Result<void> RedisLink::move(short revents) {
  if (connecting_) {
    if ((revents & (POLLOUT | POLLERR | POLLHUP)) == 0) return {};
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return broken(std::strerror(error));
    connecting_ = false;
  }
  if (auto flushed = flush(); !flushed) return flushed;
  if ((revents & (POLLIN | POLLERR | POLLHUP)) == 0) return {};
  static thread_local const std::unique_ptr<char[]> buffer(new char[kReadSize]);
  for (size_t i = 0; i < kMostReads; ++i) {
    const ssize_t count = ::recv(fd_, buffer.get(), kReadSize, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (count < 0) return broken(std::strerror(errno));
    if (count == 0) return broken("the server closed the connection");
    heard_at_ = std::chrono::steady_clock::now();
    if (::redisReaderFeed(reader_.get(), buffer.get(), static_cast<size_t>(count)) != REDIS_OK) return broken(reader_->errstr);
    if (static_cast<size_t>(count) < kReadSize) return {};
  }
  return {};
}

Result<RedisLink::Reply> RedisLink::next() {
  void* reply = nullptr;
  if (::redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) return broken(reader_->errstr);
  return Reply(static_cast<redisReply*>(reply));
}

std::string_view text_of(const redisReply& reply) {
  const bool has = reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS || reply.type == REDIS_REPLY_ERROR;
  return has ? std::string_view(reply.str, reply.len) : std::string_view();
}

}  // namespace holdfast
