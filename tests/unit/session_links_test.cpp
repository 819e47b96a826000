#include <gtest/gtest.h>

#include "gateway/session/forward.h"

namespace holdfast {
namespace {

// Where a link of https://a.test/b/c/d;p?q leads.
Result<ResolvedLink> resolve(std::string_view link) { return resolve_link(true, "a.test", "/b/c/d;p?q", link); }

std::string path(std::string_view link) {
  const auto resolved = resolve(link);
  return resolved ? resolved->path_and_query : "error: " + resolved.error().text;
}

// The examples of RFC 3986 5.4, with this base.
TEST(ResolveLink, FollowsTheExamplesOfTheStandard) {
  const std::vector<std::pair<std::string_view, std::string_view>> examples = {
      {"g", "/b/c/g"},
      {"./g", "/b/c/g"},
      {"g/", "/b/c/g/"},
      {"/g", "/g"},
      {"?y", "/b/c/d;p?y"},
      {"g?y", "/b/c/g?y"},
      {"#s", "/b/c/d;p?q"},
      {"g#s", "/b/c/g"},
      {"g?y#s", "/b/c/g?y"},
      {";x", "/b/c/;x"},
      {"g;x", "/b/c/g;x"},
      {"g;x?y#s", "/b/c/g;x?y"},
      {".", "/b/c/"},
      {"./", "/b/c/"},
      {"..", "/b/"},
      {"../", "/b/"},
      {"../g", "/b/g"},
      {"../..", "/"},
      {"../../", "/"},
      {"../../g", "/g"},
      {"../../../g", "/g"},
      {"../../../../g", "/g"},
      {"/./g", "/g"},
      {"/../g", "/g"},
      {"g.", "/b/c/g."},
      {".g", "/b/c/.g"},
      {"g..", "/b/c/g.."},
      {"..g", "/b/c/..g"},
      {"./../g", "/b/g"},
      {"./g/.", "/b/c/g/"},
      {"g/./h", "/b/c/g/h"},
      {"g/../h", "/b/c/h"},
      {"g;x=1/./y", "/b/c/g;x=1/y"},
      {"g;x=1/../y", "/b/c/y"},
      {"g?y/./x", "/b/c/g?y/./x"},
      {"g?y/../x", "/b/c/g?y/../x"},
  };
  for (const auto& [link, expected] : examples) {
    EXPECT_EQ(path(link), expected) << link;
    EXPECT_TRUE(resolve(link)->internal) << link;
    EXPECT_EQ(resolve(link)->host, "a.test") << link;
    EXPECT_TRUE(resolve(link)->tls) << link;
  }
}

TEST(ResolveLink, KeepsEmptySegmentsAndQueries) {
  EXPECT_EQ(path("/a//b"), "/a//b");
  EXPECT_EQ(path("/a//../b"), "/a/b");
  EXPECT_EQ(path("?"), "/b/c/d;p?");
  EXPECT_EQ(path("/x?a=1&b=/../?c"), "/x?a=1&b=/../?c");
  EXPECT_EQ(path("/%2e%2E/x"), "/%2e%2E/x");
}

TEST(ResolveLink, APathThatLooksLikeAHostStaysAPath) {
  const auto resolved = resolve("/x/..//evil.test/y");
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->path_and_query, "//evil.test/y");
  EXPECT_EQ(resolved->host, "a.test");
  EXPECT_TRUE(resolved->internal);
}

TEST(ResolveLink, TheSameServerIsInternalHoweverItIsWritten) {
  for (const std::string_view link : {"https://a.test/x", "HTTPS://A.TEST/x", "https://a.test:443/x", "//a.test/x", "https://a.test./x"}) {
    const auto resolved = resolve(link);
    ASSERT_TRUE(resolved) << link;
    EXPECT_TRUE(resolved->internal) << link;
    EXPECT_EQ(resolved->path_and_query, "/x") << link;
  }
  EXPECT_TRUE(resolve_link(false, "a.test:80", "/", "http://a.test/")->internal);
  EXPECT_TRUE(resolve_link(false, "[::1]:8000", "/", "http://[0:0::1]:8000/")->internal);
}

TEST(ResolveLink, AnotherServerIsExternal) {
  for (const std::string_view link : {"http://a.test/x", "https://b.test/x", "https://a.test:8443/x", "//b.test/x", "http://a.test:443/x",
                                      "https://a.test.evil.test/x", "https://[::1]/x"}) {
    const auto resolved = resolve(link);
    ASSERT_TRUE(resolved) << link;
    EXPECT_FALSE(resolved->internal) << link;
  }
  const auto other = resolve("http://B.test:81?x");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->tls);
  EXPECT_EQ(other->host, "B.test:81");
  EXPECT_EQ(other->path_and_query, "/?x");
}

TEST(ResolveLink, RefusesWhatCannotStandInARequest) {
  using namespace std::string_literals;
  for (const auto& link : {"/a b"s, "/a\tb"s, "/a\r\nX: y"s, "/a\x7f"s, "/a\0b"s, " /a"s, "/a "s, "http://a.test\n/"s, ""s}) {
    const auto resolved = resolve(link);
    ASSERT_FALSE(resolved) << link;
    EXPECT_EQ(resolved.error().kind, ErrorKind::invalid);
  }
}

TEST(ResolveLink, RefusesUserInformationOtherSchemesAndBadHosts) {
  for (const std::string_view link : {"https://user@a.test/",
                                      "https://user:pw@a.test/",
                                      "//a.test@b.test/",
                                      "ftp://a.test/",
                                      "file:///etc/passwd",
                                      "javascript:alert(1)",
                                      "ws://a.test/",
                                      "http:",
                                      "http:/x",
                                      "https:x",
                                      "https://",
                                      "https:///x",
                                      "//",
                                      "https://a.test:/",
                                      "https://a.test:0/",
                                      "https://a.test:65536/",
                                      "https://a.test:x/",
                                      "https://[::1/",
                                      "https://::1/",
                                      "https://a%2etest/",
                                      "https://a\\b/",
                                      "https://a..b/",
                                      "https://h\xc3\xb6st/",
                                      ":x",
                                      "1:2",
                                      "a:b/c"}) {
    EXPECT_FALSE(resolve(link)) << link;
  }
}

TEST(ResolveLink, BytesOutsideAsciiAreEncoded) { EXPECT_EQ(path("/\xc3\xa4?\xff"), "/%C3%A4?%FF"); }

TEST(ResolveLink, ABaseWithoutAPathIsTheRoot) {
  EXPECT_EQ(resolve_link(false, "a.test", "*", "x")->path_and_query, "/x");
  EXPECT_EQ(resolve_link(false, "a.test", "", "?x")->path_and_query, "/?x");
  EXPECT_EQ(resolve_link(false, "", "/a", "b")->path_and_query, "/b");
}

}  // namespace
}  // namespace holdfast
