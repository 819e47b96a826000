#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/route/path_template.h"

namespace holdfast::route {
namespace {

using testing::HasSubstr;

// The parameters as "name=value;", or "-" when the path doesn't match.
std::string matched(std::string_view text, std::string_view path) {
  const auto parsed = PathTemplate::parse(text);
  if (!parsed) return "malformed: " + parsed.error().text;
  PathTemplate::Parameters parameters;
  if (!parsed->match(path, parameters)) return "-";
  std::string out;
  for (const auto& [name, value] : parameters) out += name + "=" + value + ";";
  return out;
}

TEST(PathTemplate, MatchesTheWholePath) {
  const struct {
    const char* text;
    const char* path;
    const char* expected;
  } cases[] = {
      {"/", "/", ""},
      {"/", "/x", "-"},
      {"/", "", "-"},
      {"/exact", "/exact", ""},
      {"/exact", "/exact/", "-"},
      {"/exact", "/exactly", "-"},
      {"/exact", "/exac", "-"},
      {"/exact/", "/exact/", ""},
      {"/exact/", "/exact", "-"},
      {"/events/{channel}", "/events/news", "channel=news;"},
      {"/events/{channel}", "/events/", "-"},
      {"/events/{channel}", "/events", "-"},
      {"/events/{channel}", "/events/a/b", "-"},
      {"/events/{channel}", "/events/a/", "-"},
      {"/events/{channel}/", "/events/a/", "channel=a;"},
      {"/{a}/x/{b}", "/1/x/2", "a=1;b=2;"},
      {"/{a}/x/{b}", "/1/y/2", "-"},
      {"/{a}/x/{b}", "//x/2", "-"},
      {"/x/{a}/y/{rest*}", "/x/1/y/2/3", "a=1;rest=2/3;"},
      {"/x/{a}/y/{rest*}", "/x/1/y/2/", "a=1;rest=2/;"},
      {"/x/{a}/y/{rest*}", "/x/1/y/", "-"},
      {"/x/{a}/y/{rest*}", "/x/1/y", "-"},
      {"/{all*}", "/a/b", "all=a/b;"},
      {"/{all*}", "/", "-"},
      {"/%41/{a}", "/%41/x", "a=x;"},
      {"/%41/{a}", "/A/x", "-"},
  };
  for (const auto& c : cases) EXPECT_EQ(matched(c.text, c.path), c.expected) << c.text << " on " << c.path;
}

TEST(PathTemplate, ParametersArePercentDecoded) {
  const struct {
    const char* path;
    const char* expected;
  } cases[] = {
      {"/x/a%20b", "p=a b;"},   {"/x/a%2Fb", "p=a/b;"},
      {"/x/a%2fb", "p=a/b;"},   {"/x/a+b", "p=a+b;"},
      {"/x/%7Bp%7D", "p={p};"}, {"/x/%C3%A9", "p=\xc3\xa9;"},
      {"/x/%2525", "p=%25;"},   {"/x/%", "-"},
      {"/x/%4", "-"},           {"/x/%zz", "-"},
      {"/x/%00", "-"},          {"/x/a%0Ab", "-"},
      {"/x/%7f", "-"},          {"/x/%ff", "-"},
      {"/x/%C3", "-"},          {"/x/%ED%A0%80", "-"},
  };
  for (const auto& c : cases) EXPECT_EQ(matched("/x/{p}", c.path), c.expected) << c.path;
  EXPECT_EQ(matched("/x/{p*}", "/x/a%20b/%63"), "p=a b/c;");
  EXPECT_EQ(matched("/x/{p*}", "/x/a/%00"), "-");
}

TEST(PathTemplate, RefusesWhatIsMalformed) {
  const struct {
    const char* text;
    const char* reason;
  } cases[] = {
      {"", "begins with '/'"},
      {"events/{a}", "begins with '/'"},
      {"/{a", "whole segment"},
      {"/a}", "whole segment"},
      {"/{a}b", "whole segment"},
      {"/b{a}", "whole segment"},
      {"/{a}{b}", "whole segment"},
      {"/{{a}}", "whole segment"},
      {"/{", "whole segment"},
      {"/}{", "whole segment"},
      {"/{}", "no parameter name"},
      {"/{*}", "no parameter name"},
      {"/{a-b}", "no parameter name"},
      {"/{1a}", "no parameter name"},
      {"/{a**}", "no parameter name"},
      {"/{a*}/b", "nothing may follow"},
      {"/{a*}/", "nothing may follow"},
      {"/{a}/{a}", "stands twice"},
      {"/{a}/{a*}", "stands twice"},
      {"/a b", "percent-encoded"},
      {"/\xc3\xa9", "percent-encoded"},
      {"/a\n", "percent-encoded"},
      {"/a?b", "no query"},
      {"/a#b", "no query"},
  };
  for (const auto& c : cases) EXPECT_THAT(matched(c.text, "/"), AllOf(HasSubstr("malformed: "), HasSubstr(c.reason))) << c.text;
}

TEST(PathTemplate, KnowsWhatItsPathsBeginWith) {
  EXPECT_EQ(PathTemplate::parse("/events/{channel}")->literal(), "/events/");
  EXPECT_EQ(PathTemplate::parse("/{channel}")->literal(), "/");
  EXPECT_EQ(PathTemplate::parse("/a/b")->literal(), "/a/b");
  EXPECT_EQ(PathTemplate::parse("/a/b/")->literal(), "/a/b/");
  EXPECT_EQ(PathTemplate::parse("/a/{x}/b")->literal(), "/a/");
}

TEST(PathTemplate, ShapesForgetNamesOnly) {
  const auto shape = [](std::string_view text) { return PathTemplate::parse(text)->shape(); };
  EXPECT_EQ(shape("/x/{a}/{b*}"), shape("/x/{c}/{d*}"));
  EXPECT_NE(shape("/x/{a}"), shape("/x/{a*}"));
  EXPECT_NE(shape("/x/{a}"), shape("/x/a"));
  EXPECT_NE(shape("/x"), shape("/x/"));
}

}  // namespace
}  // namespace holdfast::route
