#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <sys/socket.h>

namespace holdfast {

// Who is at the other end, in few bytes: every connection holds one.
class PeerAddress {
 public:
  PeerAddress() = default;  // of a Unix socket
  explicit PeerAddress(const sockaddr_storage& address);

  // "127.0.0.1" (also for ::ffff:127.0.0.1), "::1", or "unix".
  std::string text() const;

 private:
  enum class Kind : uint8_t { unix_socket, v4, v6 };
  std::array<uint8_t, 16> bytes_{};
  Kind kind_ = Kind::unix_socket;
};

}  // namespace holdfast
