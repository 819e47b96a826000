#include "control/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

bool read_ipv4(ListenAddress& address) {
  in_addr parsed{};
  if (inet_pton(AF_INET, address.host.c_str(), &parsed) != 1) return false;
  address.loopback = (ntohl(parsed.s_addr) >> 24) == 127;
  return true;
}

bool read_ipv6(ListenAddress& address) {
  in6_addr parsed{};
  if (inet_pton(AF_INET6, address.host.c_str(), &parsed) != 1) return false;
  address.ipv6 = true;
  address.loopback = IN6_IS_ADDR_LOOPBACK(&parsed);
  return true;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto wrong = [&] {
    return invalid("'" + std::string(text) + "' is no address: expected IP:PORT, e.g. 127.0.0.1:5561 or [::1]:5561");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const auto port = parse_uint(text.substr(colon + 1));
  if (!port || *port > 65535) return wrong();

  ListenAddress address;
  address.port = static_cast<uint16_t>(*port);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  address.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  if (bracketed ? !read_ipv6(address) : !read_ipv4(address)) return wrong();
  return address;
}

}  // namespace holdfast::control
