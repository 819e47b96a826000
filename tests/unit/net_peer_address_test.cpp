#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

#include <gtest/gtest.h>

#include "gateway/net/peer_address.h"

namespace holdfast {
namespace {

std::string round_trip(const char* text) {
  sockaddr_storage storage{};
  if (std::strchr(text, ':') != nullptr) {
    storage.ss_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text, &reinterpret_cast<sockaddr_in6&>(storage).sin6_addr), 1);
  } else {
    storage.ss_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, text, &reinterpret_cast<sockaddr_in&>(storage).sin_addr), 1);
  }
  return PeerAddress(storage).text();
}

TEST(PeerAddress, SaysAddressesOfEachFamily) {
  EXPECT_EQ(round_trip("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(round_trip("::1"), "::1");
  EXPECT_EQ(round_trip("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"), "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff");
  EXPECT_EQ(PeerAddress().text(), "unix");
}

TEST(PeerAddress, SaysAMappedAddressAsWhatItIs) { EXPECT_EQ(round_trip("::ffff:192.0.2.7"), "192.0.2.7"); }

}  // namespace
}  // namespace holdfast
