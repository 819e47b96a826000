#include <gtest/gtest.h>

#include "gateway/route/host.h"

namespace holdfast::route {
namespace {

TEST(IsAuthority, TakesAHostWithOrWithoutPort) {
  for (const char* good : {"a", "a.test", "a.test:1", "a.test:65535", "10.0.0.1:80", "[::1]", "[::1]:80", "a_b", "a.test."}) {
    EXPECT_TRUE(is_authority(good)) << good;
  }
  for (const char* bad : {"", ":80", "a:", "a:0", "a:65536", "a:b", "a b", "a/b", "u@a", "::1", "::1:80", "[::1", "[x]", "[::1]x",
                          "[::1]:", "a\n", ".a", "a..b", "\xc3\xa9"}) {
    EXPECT_FALSE(is_authority(bad)) << bad;
  }
  EXPECT_FALSE(is_authority(std::string(254, 'a')));
}

TEST(ParseDomain, GivesTheSpellingThatHostsAreLookedUpBy) {
  const struct {
    const char* text;
    const char* domain;
  } cases[] = {{"*", "*"},       {"A.Test", "a.test"}, {"a.test.", "a.test"},   {"::1", "::1"},
               {"[::1]", "::1"}, {"[0::0:1]", "::1"},  {"10.0.0.1", "10.0.0.1"}};
  for (const auto& c : cases) {
    const auto domain = parse_domain(c.text);
    ASSERT_TRUE(domain.has_value()) << c.text;
    EXPECT_EQ(*domain, c.domain);
    if (*domain != "*") {
      EXPECT_EQ(normal_host(c.text), c.domain);
    }
  }
  for (const char* bad : {"", "a:80", "*.a", "a*", "a b", "a/b", "http://a", "[::x]", "[a]", "a\n"})
    EXPECT_FALSE(parse_domain(bad).has_value()) << bad;
}

}  // namespace
}  // namespace holdfast::route
