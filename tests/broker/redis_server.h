#pragma once

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace holdfast::broker_test {

// A process of a test's own, in a folder of its own, on a port of its own.
class RedisServer {
 public:
  // `options`: more of redis-server's, like {"--requirepass", "x"}.
  explicit RedisServer(std::vector<std::string> options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;

  const std::string& address() const { return address_; }
  void kill();   // at once; its data is lost
  void start();  // on the same port
  void pause();
  void resume();
  // What redis-cli prints. `arguments` as words.
  std::string command(const std::vector<std::string>& arguments) const;

 private:
  std::vector<std::string> options_;
  std::string folder_, port_, address_, password_;
  pid_t process_ = -1;
};

}  // namespace holdfast::broker_test
