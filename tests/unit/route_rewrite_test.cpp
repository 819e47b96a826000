#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/route/route.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

TEST(RewriteTarget, RemovesTheFirstCharactersOfThePath) {
  const struct {
    uint64_t remove;
    const char* target;
    const char* expected;
  } cases[] = {
      {0, "/pre/x?q=1", "/pre/x?q=1"},
      {4, "/pre/x?q=1", "/x?q=1"},
      {4, "/pre", "/"},
      {4, "/pre?q", "/?q"},
      {5, "/pre/x", "/x"},
      {100, "/pre?a=/b", "/?a=/b"},
      {UINT64_MAX, "/p", "/"},
      {4, "*", "*"},
      {4, "http://h/x", "http://h/x"},
      {4, "", ""},
  };
  for (const auto& c : cases) {
    Route route;
    route.path_remove = c.remove;
    EXPECT_EQ(rewrite_target(route, c.target), c.expected) << c.remove << " of " << c.target;
  }
}

TEST(RewriteTarget, ReplacesTheMatchedBeginning) {
  const struct {
    const char* begin;
    const char* replace;
    const char* target;
    const char* expected;
  } cases[] = {
      {"/old/", "/new/", "/old/x?z", "/new/x?z"},
      {"/old/", "", "/old/x", "/x"},
      {"/old", "", "/old?z", "/?z"},
      {"", "/base", "/x", "/base/x"},
      {"/old/", "/new/", "/y", "/y"},
      {"/old/", "/old/old/", "/old/x", "/old/old/x"},
      {"/old", "/", "/old/x", "//x"},
      {"/old/", "/new/", "/x?/old/", "/x?/old/"},
  };
  for (const auto& c : cases) {
    Route route;
    route.path_begin = c.begin;
    route.replace_begin = c.replace;
    route.path_remove = 3;  // gives way
    EXPECT_EQ(rewrite_target(route, c.target), c.expected) << c.begin << " to " << c.replace << " in " << c.target;
  }
}

TEST(RewriteTarget, OfATemplateReplacesWhatStandsBeforeTheFirstParameter) {
  Route route;
  route.path_template = "/events/{channel}";
  route.replace_begin = "/e/";
  EXPECT_EQ(rewrite_target(route, "/events/news?x"), "/e/news?x");
  route.path_template = "/exact";
  EXPECT_EQ(rewrite_target(route, "/exact?x"), "/e/?x");
}

TEST(FillTemplate, PutsParametersInTheirPlaces) {
  const RouteMatch match{nullptr, {{"a", "1"}, {"rest", "x/y"}, {"brace", "{a}"}}};
  EXPECT_EQ(fill_template("plain", match).value(), "plain");
  EXPECT_EQ(fill_template("", match).value(), "");
  EXPECT_EQ(fill_template("room-{a}", match).value(), "room-1");
  EXPECT_EQ(fill_template("{a}{a}:{rest*}", match).value(), "11:x/y");
  EXPECT_EQ(fill_template("{rest}", match).value(), "x/y");
  EXPECT_EQ(fill_template("{brace}", match).value(), "{a}") << "what a client sends is not a template";
}

TEST(FillTemplate, NamesWhatIsMissingOrMalformed) {
  const RouteMatch match{nullptr, {{"a", "1"}}};
  EXPECT_THAT(fill_template("{b}", match).error().text, HasSubstr("no parameter {b}"));
  for (const char* text : {"{", "}", "{a", "a}", "{}", "{*}", "{a b}", "{{a}}", "{a}}"}) {
    const auto filled = fill_template(text, match);
    ASSERT_FALSE(filled.has_value()) << text;
    EXPECT_THAT(filled.error().text, HasSubstr("malformed")) << text;
  }
}

}  // namespace
}  // namespace holdfast
