#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "gateway/base/result.h"

namespace holdfast {

// Where a socket connects to: IPv4, IPv6 or the path of a Unix socket.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  void set_port(uint16_t port);  // IPv4 and IPv6
};

// "127.0.0.1", "::1", "[::1]"; nothing for names.
std::optional<Address> literal_address(std::string_view host);
Result<Address> unix_address(const std::string& path);
std::string to_string(const Address& address);  // without the port

// An address of the public internet. Everything that could reach into this machine, its network or a translation of them is not:
// loopback, private, shared (CGNAT), link-local, unique-local, multicast, unspecified, reserved, and IPv6 forms that carry an IPv4 address.
bool is_public(const Address& address);

}  // namespace holdfast
