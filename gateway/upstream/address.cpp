#include "gateway/upstream/address.h"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

namespace holdfast {

namespace {

struct Block4 {
  uint32_t network;
  int bits;
};
// RFC 6890 and its registry: what is not globally reachable.
constexpr Block4 kNotPublic4[] = {
    {0x00000000, 8},   // this network, unspecified
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // shared address space (CGNAT)
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local: cloud metadata services live here
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relay
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarks
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 3},   // multicast, reserved, broadcast
};

bool is_public4(uint32_t address) {
  for (const auto& block : kNotPublic4) {
    if ((address ^ block.network) >> (32 - block.bits) == 0) return false;
  }
  return true;
}

struct Block6 {
  std::array<uint8_t, 8> network;
  int bits;
};
// Only 2000::/3 is given out; these parts of it are translations of IPv4 or for special use.
constexpr Block6 kNotPublic6[] = {
    {{0x20, 0x01, 0x00}, 23},        // protocol assignments, Teredo among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x20, 0x02}, 16},              // 6to4
    {{0x3f, 0xff, 0x00}, 20},        // documentation
};

bool within(const uint8_t* address, const Block6& block) {
  for (int bit = 0; bit < block.bits; bit += 8) {
    const int wanted = block.bits - bit < 8 ? block.bits - bit : 8;
    const auto at = static_cast<size_t>(bit / 8);
    if ((address[at] ^ block.network[at]) >> (8 - wanted) != 0) return false;
  }
  return true;
}

bool is_public6(const in6_addr& address) {
  if ((address.s6_addr[0] & 0xe0) != 0x20) return false;
  for (const auto& block : kNotPublic6) {
    if (within(address.s6_addr, block)) return false;
  }
  return true;
}

}  // namespace

void Address::set_port(uint16_t port) {
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = htons(port);
}

std::optional<Address> literal_address(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  char text[INET6_ADDRSTRLEN];
  if (host.size() >= sizeof text) return std::nullopt;
  text[host.copy(text, host.size())] = '\0';

  Address out;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  if (::inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    out.length = sizeof *v4;
    return out;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (::inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    out.length = sizeof *v6;
    return out;
  }
  return std::nullopt;
}

Result<Address> unix_address(const std::string& path) {
  Address out;
  auto* local = reinterpret_cast<sockaddr_un*>(&out.storage);
  if (path.empty() || path.size() >= sizeof local->sun_path || path.find('\0') != std::string::npos) {
    return invalid("not a usable path of a socket");
  }
  local->sun_family = AF_UNIX;
  std::memcpy(local->sun_path, path.c_str(), path.size() + 1);
  out.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return out;
}

std::string to_string(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.family() == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr, text, sizeof text);
  } else if (address.family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr, text, sizeof text);
  } else if (address.family() == AF_UNIX) {
    return reinterpret_cast<const sockaddr_un*>(&address.storage)->sun_path;
  }
  return text;
}

bool is_public(const Address& address) {
  if (address.family() == AF_INET) return is_public4(ntohl(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr.s_addr));
  if (address.family() == AF_INET6) return is_public6(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr);
  return false;
}

}  // namespace holdfast
