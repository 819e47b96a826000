#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

struct redisReply;

namespace holdfast::broker_test {

// A process of a test's own, in a folder of its own, on a port of its own.
class RedisServer {
 public:
  // `options`: more of redis-server's, like {"--requirepass", "x"}.
  explicit RedisServer(std::vector<std::string> options = {});
  static std::unique_ptr<RedisServer> sentinel(const std::string& configuration);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;

  static std::string free_port();

  const std::string& address() const { return address_; }
  const std::string& port() const { return port_; }
  uint16_t port_number() const { return static_cast<uint16_t>(std::stoul(port_)); }
  void kill();   // at once; its data is lost
  void start();  // on the same port
  void pause();
  void resume();
  // What redis-cli prints. `arguments` as words.
  std::string command(const std::vector<std::string>& arguments) const;
  // The same of a command that answers with a list of texts.
  std::vector<std::string> list(const std::vector<std::string>& arguments) const;
  // Until a replica has what was written up to now; false: it does not in time. (WAIT counts only its own connection's writes.)
  bool wait_for_replica() const;
  // Reads what the server prints on until a line holds `text`; false: none does in time.
  bool says(const std::string& text);

 private:
  RedisServer(std::vector<std::string> options, const std::string& sentinel);
  struct FreeReply {
    void operator()(redisReply* reply) const;
  };
  std::unique_ptr<redisReply, FreeReply> ask(const std::vector<std::string>& arguments) const;

  std::vector<std::string> options_;
  std::string folder_, port_, address_, password_, sentinel_;
  pid_t process_ = -1;
  int output_ = -1;
  std::string printed_;  // and not looked at
};

}  // namespace holdfast::broker_test
