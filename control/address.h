#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace holdfast::control {

struct ListenAddress {
  std::string host;  // numeric, without brackets
  uint16_t port = 0;
  bool ipv6 = false;
  bool loopback = false;
};

// "127.0.0.1:5561", "[::1]:5561", "localhost:5561". Numbers only (and localhost): whether an address is reachable from other machines
// must not hang on a name server. Port 0: any free port.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace holdfast::control
