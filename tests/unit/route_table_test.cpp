#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/route/route.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Route prefix_route(std::string where, std::string domain, std::string path_begin = "") {
  Route out;
  out.where = std::move(where);
  out.domain = std::move(domain);
  out.path_begin = std::move(path_begin);
  return out;
}

Route template_route(std::string where, std::string domain, std::string path) {
  Route out = prefix_route(std::move(where), std::move(domain));
  out.path_template = std::move(path);
  return out;
}

Route with(Route route, Protocol protocol, std::optional<bool> tls = {}) {
  route.protocol = protocol;
  route.tls = tls;
  return route;
}

Route with_id(Route route, std::string id) {
  route.id = std::move(id);
  return route;
}

// `where` of the chosen route, "-" for none.
std::string chosen(const RouteTable& table, const RouteQuery& query) {
  const RouteMatch match = table.match(query);
  return match.route == nullptr ? "-" : match.route->where;
}

TEST(RouteTable, FindsADomainHoweverItsHostHeaderIsWritten) {
  const auto table = RouteTable::make({prefix_route("name", "App.Test"), prefix_route("six", "::1"), prefix_route("four", "10.0.0.1")});
  const struct {
    const char* host;
    const char* where;
  } cases[] = {
      {"app.test", "name"},
      {"APP.test", "name"},
      {"app.test:8080", "name"},
      {"app.test.", "name"},
      {"app.test.:80", "name"},
      {" app.test", "name"},
      {"[::1]", "six"},
      {"[::1]:443", "six"},
      {"[0:0:0::0:1]:443", "six"},
      {"::1", "six"},
      {"10.0.0.1:80", "four"},
      {"sub.app.test", "-"},
      {"app.tes", "-"},
      {"", "-"},
      {":80", "-"},
      {"[::1", "-"},
      {"[::2]", "-"},
      {"[]", "-"},
      {".", "-"},
  };
  for (const auto& c : cases) EXPECT_EQ(chosen(*table, {.host = c.host, .path = "/"}), c.where) << c.host;
}

TEST(RouteTable, AHostWithANulByteIsNobodysDomain) {
  const auto table = RouteTable::make({prefix_route("six", "::1"), prefix_route("name", "app.test")});
  EXPECT_EQ(chosen(*table, {.host = std::string_view("[::1\0x]", 7), .path = "/"}), "-");
  EXPECT_EQ(chosen(*table, {.host = std::string_view("app.test\0", 9), .path = "/"}), "-");
}

TEST(RouteTable, TheStarServesOnlyDomainsWithoutRoutesOfTheirOwn) {
  const auto table = RouteTable::make({prefix_route("star", "*"), prefix_route("own", "own.test", "/here/")});
  EXPECT_EQ(chosen(*table, {.host = "who.knows", .path = "/x"}), "star");
  EXPECT_EQ(chosen(*table, {.host = "", .path = "/x"}), "star");
  EXPECT_EQ(chosen(*table, {.host = "*", .path = "/x"}), "star");
  EXPECT_EQ(chosen(*table, {.host = "own.test", .path = "/here/x"}), "own");
  EXPECT_EQ(chosen(*table, {.host = "own.test", .path = "/x"}), "-");
}

TEST(RouteTable, WithoutAStarAnUnknownDomainHasNoRoute) {
  const auto table = RouteTable::make({prefix_route("own", "own.test")});
  EXPECT_EQ(chosen(*table, {.host = "who.knows", .path = "/"}), "-");
  EXPECT_EQ(chosen(*RouteTable::make({}), {.host = "own.test", .path = "/"}), "-");
  EXPECT_EQ(chosen(RouteTable(), {.host = "own.test", .path = "/"}), "-");
}

TEST(RouteTable, TheLongestPathWinsWhateverTheOrder) {
  std::vector<Route> routes = {prefix_route("v2", "a", "/api/v2/"), prefix_route("all", "a"), prefix_route("api", "a", "/api/")};
  for (int turn = 0; turn < 3; ++turn) {
    const auto table = RouteTable::make(routes);
    EXPECT_EQ(chosen(*table, {.host = "a", .path = "/api/v2/x"}), "v2");
    EXPECT_EQ(chosen(*table, {.host = "a", .path = "/api/x"}), "api");
    EXPECT_EQ(chosen(*table, {.host = "a", .path = "/api"}), "all");
    EXPECT_EQ(chosen(*table, {.host = "a", .path = "/API/"}), "all");
    EXPECT_EQ(chosen(*table, {.host = "a", .path = "/%61pi/"}), "all");
    std::rotate(routes.begin(), routes.begin() + 1, routes.end());
  }
}

TEST(RouteTable, TheQueryIsNotPartOfThePath) {
  const auto table =
      RouteTable::make({prefix_route("long", "a", "/x/y"), prefix_route("short", "a", "/x"), template_route("whole", "a", "/whole")});
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/y?q"}), "long");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x?/y"}), "short");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/whole?x=/y"}), "whole");
}

TEST(RouteTable, ProtocolBeatsPathAndPathBeatsTls) {
  const auto table = RouteTable::make({
      prefix_route("long", "a", "/x/long/"),
      with(prefix_route("ws", "a"), Protocol::websocket),
      with(prefix_route("tls", "a", "/x/"), Protocol::any, true),
      prefix_route("x", "a", "/x/"),
      with(prefix_route("plain", "a"), Protocol::any, false),
  });
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/long/", .websocket = true}), "ws");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/long/", .tls = true}), "long");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/y", .tls = true}), "tls");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/y"}), "x");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/"}), "plain");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/", .tls = true}), "-");
}

TEST(RouteTable, ProtocolHttpLeavesOutWebSockets) {
  const auto table =
      RouteTable::make({with(prefix_route("http", "a"), Protocol::http), with(prefix_route("ws", "b"), Protocol::websocket)});
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/"}), "http");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/", .websocket = true}), "-");
  EXPECT_EQ(chosen(*table, {.host = "b", .path = "/"}), "-");
}

TEST(RouteTable, AmongEqualConditionsTheFirstWinsAndTheOthersAreNamed) {
  std::vector<std::string> warnings;
  const auto table =
      RouteTable::make({prefix_route("f:1", "a.test", "/x"), prefix_route("f:2", "A.test", "/x"), prefix_route("f:3", "a.test"),
                        template_route("f:4", "a.test", "/e/{one}"), template_route("f:5", "a.test", "/e/{two}")},
                       &warnings);
  EXPECT_EQ(chosen(*table, {.host = "a.test", .path = "/x"}), "f:1");
  EXPECT_EQ(table->routes().size(), 3u);
  EXPECT_THAT(warnings, ElementsAre("f:2: the same condition as f:1; this route is left out",
                                    "f:5: the same condition as f:4; this route is left out"));
}

TEST(RouteTable, ConditionsThatDifferInAnyPartAreNoDuplicates) {
  std::vector<std::string> warnings;
  RouteTable::make({prefix_route("1", "a"), with(prefix_route("2", "a"), Protocol::http), with(prefix_route("3", "a"), Protocol::any, true),
                    with(prefix_route("4", "a"), Protocol::any, false), prefix_route("5", "a", "/x"), prefix_route("6", "*"),
                    template_route("7", "a", "/x"), template_route("8", "a", "/{x}"), template_route("9", "a", "/{x*}")},
                   &warnings);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(RouteTable, ADroppedRouteTakesItsIdWithIt) {
  const auto table = RouteTable::make({with_id(prefix_route("1", "a"), "one"), with_id(prefix_route("2", "a"), "two")});
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/", .route_id = "two"}), "-");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/", .route_id = "one"}), "1");
}

TEST(RouteTable, AnIdPicksItsRouteWhateverTheHost) {
  const auto table = RouteTable::make({
      prefix_route("star", "*"),
      with_id(prefix_route("named", "named.test", "/x/"), "named"),
      with_id(prefix_route("hidden", ""), "hidden"),
      with_id(template_route("template", "", "/e/{channel}"), "template"),
  });
  EXPECT_EQ(chosen(*table, {.host = "other", .path = "/x/y", .route_id = "named"}), "named");
  EXPECT_EQ(chosen(*table, {.host = "other", .path = "/y", .route_id = "named"}), "-");
  EXPECT_EQ(chosen(*table, {.host = "other", .path = "/y", .route_id = "hidden"}), "hidden");
  EXPECT_EQ(chosen(*table, {.host = "other", .path = "/y", .route_id = "unknown"}), "-");
  EXPECT_EQ(chosen(*table, {.host = "other", .path = "/y", .route_id = "HIDDEN"}), "-");
  EXPECT_EQ(chosen(*table, {.host = "other", .path = "/y"}), "star");
  EXPECT_EQ(chosen(*table, {.host = "", .path = "/y"}), "star");
  const RouteMatch match = table->match({.host = "x", .path = "/e/news", .route_id = "template"});
  EXPECT_THAT(match.parameters, ElementsAre(Pair("channel", "news")));
}

TEST(RouteTable, ARouteThatHasOnlyAnIdIsFoundByNoHost) {
  const auto table = RouteTable::make({with_id(prefix_route("hidden", ""), "hidden")});
  EXPECT_EQ(chosen(*table, {.host = "", .path = "/"}), "-");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/"}), "-");
}

TEST(RouteTable, AnIdOfTwoRoutesPicksNeither) {
  std::vector<std::string> warnings;
  const auto table =
      RouteTable::make({with_id(prefix_route("f:1", "a.test"), "same"), with_id(prefix_route("f:2", "b.test"), "same")}, &warnings);
  EXPECT_EQ(chosen(*table, {.host = "b.test", .path = "/", .route_id = "same"}), "f:2");
  EXPECT_EQ(chosen(*table, {.host = "c.test", .path = "/", .route_id = "same"}), "-");
  EXPECT_THAT(warnings, ElementsAre("f:2: id 'same' is also that of f:1; it picks neither"));
}

TEST(RouteTable, RoutesThatCannotBeUsedAreLeftOutWithAWarning) {
  std::vector<std::string> warnings;
  const auto table = RouteTable::make({prefix_route("f:1", ""), template_route("", "a", "/x{y}"), prefix_route("f:3", ":80")}, &warnings);
  EXPECT_THAT(table->routes(), IsEmpty());
  EXPECT_THAT(warnings, ElementsAre("f:1: a route without a domain needs an id; this route is left out",
                                    AllOf(HasSubstr("route 2: "), HasSubstr("'x{y}'")), HasSubstr("f:3: ")));
}

TEST(RouteTable, ATemplateBeatsAPrefixThatIsNoLongerThanItsLiteralBeginning) {
  const auto table = RouteTable::make({
      prefix_route("events", "a", "/events/"),
      prefix_route("vip", "a", "/events/vip"),
      template_route("channel", "a", "/events/{channel}"),
      prefix_route("deep", "a", "/events/x/y"),
  });
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/events/news"}), "channel");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/events/vip-1"}), "vip");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/events/news/x"}), "events");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/events/"}), "events");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/events/x/y"}), "deep");
}

TEST(RouteTable, AmongTemplatesTheMoreLiteralWinsAndARestComesLast) {
  const auto table = RouteTable::make({
      template_route("rest", "a", "/x/{rest*}"),
      template_route("two", "a", "/x/{a}/{b}"),
      template_route("edit", "a", "/x/{a}/edit"),
      template_route("exact", "a", "/x/1/edit"),
  });
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/1/edit"}), "exact");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/2/edit"}), "edit");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/2/view"}), "two");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/2/view/3"}), "rest");
  EXPECT_EQ(chosen(*table, {.host = "a", .path = "/x/2"}), "rest");
}

TEST(RouteTable, AmongEquallyLiteralTemplatesTheFirstWins) {
  const Route middle = template_route("middle", "a", "/x/{a}/yy/{b}");
  const Route end = template_route("end", "a", "/x/{a}/{b}/yy");
  EXPECT_EQ(chosen(*RouteTable::make({middle, end}), {.host = "a", .path = "/x/1/yy/yy"}), "middle");
  EXPECT_EQ(chosen(*RouteTable::make({end, middle}), {.host = "a", .path = "/x/1/yy/yy"}), "end");
}

TEST(RouteTable, AMatchCarriesTheParametersOfItsOwnRouteOnly) {
  const auto table = RouteTable::make({template_route("two", "a", "/x/{first}/{second}"), prefix_route("prefix", "a", "/")});
  EXPECT_THAT(table->match({.host = "a", .path = "/x/1/2?q"}).parameters, ElementsAre(Pair("first", "1"), Pair("second", "2")));
  // The template fails at its second segment, after it has read the first.
  const RouteMatch match = table->match({.host = "a", .path = "/x/1/%zz"});
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->where, "prefix");
  EXPECT_THAT(match.parameters, IsEmpty());
  const auto alone = RouteTable::make({template_route("two", "a", "/x/{first}/{second}")});
  EXPECT_THAT(alone->match({.host = "a", .path = "/x/1/%zz"}).parameters, IsEmpty());
}

TEST(RouteTable, ManyDomainsDoNotDisturbEachOther) {
  std::vector<Route> routes;
  for (int i = 0; i < 2000; ++i) routes.push_back(prefix_route(std::to_string(i), "d" + std::to_string(i) + ".test"));
  const auto table = RouteTable::make(std::move(routes));
  EXPECT_EQ(chosen(*table, {.host = "d1234.test", .path = "/"}), "1234");
  EXPECT_EQ(chosen(*table, {.host = "d2000.test", .path = "/"}), "-");
}

}  // namespace
}  // namespace holdfast
