#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/redis_options.h"
#include "adapters/redis/redis_tls.h"
#include "gateway/base/clock.h"

struct redisReader;
struct redisReply;

namespace holdfast {

// One connection to a Redis server: commands out, replies in, in order. hiredis formats and parses; the socket is ours, since its own
// connections know neither TLS nor sharded pub/sub. Threads: its owner's. The owner polls fd() for events().
class RedisLink {
 public:
  RedisLink();
  ~RedisLink();

  // Begins to connect, by TLS if `tls` is given. Resolving the name blocks. Errors: unavailable.
  Result<void> open(const RedisAddress& address, const RedisTls* tls);
  void close();
  bool is_open() const { return fd_ >= 0; }
  bool is_secured() const { return !tls_ || tls_->is_ready(); }

  int fd() const { return fd_; }
  short events() const;

  using Arguments = std::vector<std::string_view>;
  void send(const Arguments& arguments);
  size_t unsent() const { return out_.size() - sent_; }

  // Moves bytes after poll() said `revents`. Errors: unavailable, why the connection is of no use any more.
  Result<void> move(short revents);
  struct FreeReply {
    void operator()(redisReply* reply) const;
  };
  using Reply = std::unique_ptr<redisReply, FreeReply>;
  // The next reply that has come as a whole; null: none. Errors: unavailable (not the protocol).
  Result<Reply> next();

  TimePoint heard_at() const { return heard_at_; }  // bytes came, or open() was called

 private:
  Result<void> flush();
  Result<void> feed(std::string_view bytes);

  int fd_ = -1;
  bool connecting_ = false;
  std::string out_;
  size_t sent_ = 0;
  TimePoint heard_at_{};
  std::unique_ptr<RedisTlsSession> tls_;
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  std::unique_ptr<redisReader, FreeReader> reader_;
};

// AUTH, if there is a password; false: there is none.
bool send_login(RedisLink& link, const std::string& username, const std::string& password);

struct RedisLogin {
  std::string username, password;
  std::shared_ptr<const RedisTls> tls;  // null: none
};
// Asks one server over a connection of its own, and waits: one reply for each of `questions`. `ending` cuts it short. Errors: unavailable.
Result<std::vector<RedisLink::Reply>> ask_once(const RedisAddress& address, const RedisLogin& login,
                                               const std::vector<RedisLink::Arguments>& questions, Duration patience,
                                               const std::atomic<bool>& ending);

// The text of a reply of a kind that has one; empty otherwise.
std::string_view text_of(const redisReply& reply);

}  // namespace holdfast
