#include "adapters/redis/redis_link.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

#include <hiredis/hiredis.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

namespace holdfast {

namespace {

constexpr size_t kReadSize = 65536;
constexpr int64_t kLookUp = 50;    // ms: whoever waits looks whether it is to end
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

Result<void> RedisLink::open(const RedisAddress& address, const RedisTls* tls) {
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
  if (tls != nullptr) {
    tls_ = std::make_unique<RedisTlsSession>(*tls, address.host);
    tls_->take(out_);
  }
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
  tls_.reset();
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
  const std::string_view bytes(command, static_cast<size_t>(size));
  if (tls_) {
    tls_->write(bytes);
    tls_->take(out_);
  } else {
    out_.append(bytes);
  }
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
    if (auto fed = feed({buffer.get(), static_cast<size_t>(count)}); !fed) return fed;
    if (static_cast<size_t>(count) < kReadSize) return {};
  }
  return {};
}

Result<void> RedisLink::feed(std::string_view bytes) {
  const auto parse = [this](std::string_view plain) -> Result<void> {
    if (::redisReaderFeed(reader_.get(), plain.data(), plain.size()) != REDIS_OK) return broken(reader_->errstr);
    return {};
  };
  if (!tls_) return parse(bytes);
  auto fed = tls_->feed(bytes, parse);
  tls_->take(out_);
  return fed;
}

Result<RedisLink::Reply> RedisLink::next() {
  void* reply = nullptr;
  if (::redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) return broken(reader_->errstr);
  return Reply(static_cast<redisReply*>(reply));
}

bool send_login(RedisLink& link, const std::string& username, const std::string& password) {
  if (password.empty()) return false;
  if (username.empty()) {
    link.send({"AUTH", password});
  } else {
    link.send({"AUTH", username, password});
  }
  return true;
}

Result<std::vector<RedisLink::Reply>> ask_once(const RedisAddress& address, const RedisLogin& login,
                                               const std::vector<RedisLink::Arguments>& questions, Duration patience,
                                               const std::atomic<bool>& ending) {
  using std::chrono::steady_clock;
  const auto until = steady_clock::now() + patience;
  RedisLink link;
  if (auto opened = link.open(address, login.tls.get()); !opened) return tl::unexpected(opened.error());
  bool logging_in = send_login(link, login.username, login.password);
  for (const auto& question : questions) link.send(question);
  std::vector<RedisLink::Reply> replies;
  for (;;) {
    const auto left = std::chrono::duration_cast<Duration>(until - steady_clock::now()).count();
    pollfd wait{link.fd(), link.events(), 0};
    if (left <= 0 || ending) return broken("no answer");
    if (::poll(&wait, 1, static_cast<int>(std::min<int64_t>(left, kLookUp))) <= 0) continue;
    const auto moved = link.move(wait.revents);
    for (;;) {
      auto reply = link.next();
      if (!reply) return tl::unexpected(reply.error());
      if (!*reply) break;
      if (logging_in && (*reply)->type == REDIS_REPLY_ERROR) return broken("refuses: " + std::string(text_of(**reply)));
      if (!std::exchange(logging_in, false)) replies.push_back(std::move(*reply));
      if (replies.size() == questions.size()) return replies;
    }
    if (!moved) return tl::unexpected(moved.error());
  }
}

std::string_view text_of(const redisReply& reply) {
  const bool has = reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS || reply.type == REDIS_REPLY_ERROR;
  return has ? std::string_view(reply.str, reply.len) : std::string_view();
}

}  // namespace holdfast
