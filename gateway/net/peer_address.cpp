#include "gateway/net/peer_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>

namespace holdfast {

PeerAddress::PeerAddress(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    kind_ = Kind::v4;
    std::copy_n(reinterpret_cast<const uint8_t*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr), 4, bytes_.begin());
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6) != 0;
    kind_ = mapped ? Kind::v4 : Kind::v6;
    std::copy(v6.s6_addr + (mapped ? 12 : 0), v6.s6_addr + 16, bytes_.begin());
  }
}

std::string PeerAddress::text() const {
  if (kind_ == Kind::unix_socket) return "unix";
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(kind_ == Kind::v4 ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

}  // namespace holdfast
