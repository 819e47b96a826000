#include <gtest/gtest.h>

#include "gateway/session/sockjs/sockjs_paths.h"

namespace holdfast {
namespace {

SockjsResource resource(std::string_view target) { return parse_sockjs_path("/sj", target).resource; }

TEST(SockjsPaths, APathIsUnderThePrefixOnlyAtASegmentsEnd) {
  EXPECT_TRUE(is_under_sockjs("/sj", "/sj"));
  EXPECT_TRUE(is_under_sockjs("/sj", "/sj/"));
  EXPECT_TRUE(is_under_sockjs("/sj", "/sj?t=1"));
  EXPECT_TRUE(is_under_sockjs("/sj", "/sj/info"));
  EXPECT_TRUE(is_under_sockjs("/sj/", "/sj/info"));
  EXPECT_TRUE(is_under_sockjs("/", "/info"));
  EXPECT_FALSE(is_under_sockjs("/sj", "/sjinfo"));
  EXPECT_FALSE(is_under_sockjs("/sj", "/s"));
  EXPECT_FALSE(is_under_sockjs("/sj", "/other?/sj/info"));
  EXPECT_FALSE(is_under_sockjs("", "/sj/info"));
  EXPECT_FALSE(is_under_sockjs("", ""));
}

TEST(SockjsPaths, ResourcesWithoutASession) {
  EXPECT_EQ(resource("/sj"), SockjsResource::greeting);
  EXPECT_EQ(resource("/sj/?t=1"), SockjsResource::greeting);
  EXPECT_EQ(resource("/sj/info?t=1"), SockjsResource::info);
  EXPECT_EQ(resource("/sj/websocket"), SockjsResource::raw_websocket);
  for (const auto* page : {"iframe.html", "iframe-a.html", "iframe-0.1.2.html", "iframe-a_B.html?t=1"}) {
    EXPECT_EQ(resource("/sj/" + std::string(page)), SockjsResource::iframe) << page;
  }
  for (const auto* page :
       {"iframe.htm", "iframe", "iframehtml", "iframe-%20.html", "iframe.html/", "xiframe.html", "IFRAME.html", "infos"}) {
    EXPECT_EQ(resource("/sj/" + std::string(page)), SockjsResource::none) << page;
  }
}

TEST(SockjsPaths, ResourcesOfASession) {
  const auto path = parse_sockjs_path("/sj/", "/sj/000/abc_1/xhr?t=1");
  EXPECT_EQ(path.resource, SockjsResource::xhr);
  EXPECT_EQ(path.session, "abc_1");
  EXPECT_EQ(resource("/sj/a/b/xhr_streaming"), SockjsResource::xhr_streaming);
  EXPECT_EQ(resource("/sj/a/b/xhr_send"), SockjsResource::xhr_send);
  EXPECT_EQ(resource("/sj/a/b/jsonp"), SockjsResource::jsonp);
  EXPECT_EQ(resource("/sj/a/b/jsonp_send"), SockjsResource::jsonp_send);
  EXPECT_EQ(resource("/sj/a/b/eventsource"), SockjsResource::eventsource);
  EXPECT_EQ(resource("/sj/a/b/websocket"), SockjsResource::websocket);
}

TEST(SockjsPaths, NothingElseIsThere) {
  for (const auto* path : {"/a", "/a/", "/a/a", "/a/a/", "/a/a/xhr/", "/a//xhr", "//a/xhr", "/a.b/a/xhr", "/a/a.b/xhr", "/./a/xhr",
                           "/a/a/a/xhr", "/a/a/htmlfile", "/a/a/XHR", "//", "/abc/abc/abc"}) {
    EXPECT_EQ(resource("/sj" + std::string(path)), SockjsResource::none) << path;
  }
}

}  // namespace
}  // namespace holdfast
