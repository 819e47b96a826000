#pragma once

#include <string>
#include <vector>

namespace holdfast::broker_test {

// An authority of a test's own, in a folder of its own, and what it signs.
class Authority {
 public:
  Authority();
  ~Authority();
  Authority(const Authority&) = delete;

  std::string certificate() const { return folder_ + "/ca.crt"; }
  struct Signed {
    std::string certificate, key;
  };
  // `names`: like "DNS:localhost,IP:127.0.0.1".
  Signed sign(const std::string& names);

 private:
  void run(const std::string& words) const;

  std::string folder_;
  int signed_ = 0;
};

// What makes a redis-server speak TLS on `port` besides its own.
std::vector<std::string> tls_options(const std::string& port, const Authority& authority, const Authority::Signed& own,
                                     const std::string& auth_clients = "no");

}  // namespace holdfast::broker_test
