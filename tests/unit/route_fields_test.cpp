#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/route/route.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kTarget = {{"address", "back:80"}};

Result<Route> make(Fields options, std::vector<Fields> targets = {kTarget}, Fields hold = {}) {
  return make_route({std::move(options), std::move(targets), std::move(hold), "holdfast.yaml:30"});
}

Route made(Fields options, std::vector<Fields> targets = {kTarget}, Fields hold = {}) {
  auto route = make(std::move(options), std::move(targets), std::move(hold));
  EXPECT_TRUE(route.has_value()) << route.error().text;
  return route ? *route : Route();
}

std::string refused(Fields options, std::vector<Fields> targets = {kTarget}, Fields hold = {}) {
  const auto route = make(std::move(options), std::move(targets), std::move(hold));
  EXPECT_FALSE(route.has_value());
  if (route) return "";
  EXPECT_EQ(route.error().kind, ErrorKind::invalid);
  EXPECT_THAT(route.error().text, StartsWith("holdfast.yaml:30: "));
  return route.error().text;
}

void expect_everything(const Route& r) {
  EXPECT_EQ(r.domain, "app.test");
  EXPECT_EQ(r.protocol, Protocol::http);
  EXPECT_EQ(r.tls, true);
  EXPECT_EQ(r.path_begin, "/api/");
  EXPECT_EQ(r.id, "one");
  EXPECT_EQ(r.signature_issuer, "me");
  EXPECT_EQ(r.signature_key, "key");
  EXPECT_EQ(r.prefix, "pfx-");
  EXPECT_EQ(r.path_remove, 4u);
  EXPECT_EQ(r.replace_begin, "/n/");
  EXPECT_EQ(r.as_host, "o.test");
  EXPECT_THAT(r.set_headers, ElementsAre(Pair("X-A", "1"), Pair("X-B", "")));
  EXPECT_TRUE(r.debug && r.no_grip && r.cross_origin && r.original_headers && r.session);
  EXPECT_EQ(r.jsonp_mode, JsonpMode::basic);
  EXPECT_EQ(r.jsonp_callback, "cb");
  EXPECT_EQ(r.jsonp_body, "data");
  EXPECT_EQ(r.jsonp_default_callback, "dcb");
  EXPECT_EQ(r.jsonp_default_method, "PUT");
  EXPECT_EQ(r.sockjs_prefix, "/sj");
  EXPECT_EQ(r.sockjs_as_path, "/ws");
  EXPECT_EQ(r.log_level, 2);
  EXPECT_EQ(r.where, "holdfast.yaml:30");
  ASSERT_EQ(r.targets.size(), 2u);
  const Target& t = r.targets[0];
  EXPECT_EQ(t.host, "back");
  EXPECT_EQ(t.port, 81);
  EXPECT_EQ(t.host_header, "inner.test");
  EXPECT_TRUE(t.tls && t.over_http && t.one_event && t.untrusted && t.trust_connect_host && t.insecure);
  EXPECT_THAT(t.subscriptions, ElementsAre("c1", "c2"));
  EXPECT_EQ(t.client_cert, "/c");
  EXPECT_EQ(t.client_key, "/k");
  EXPECT_TRUE(r.targets[1].unix_socket);
}

TEST(RouteFields, SpelledOutKeysSetEverything) {
  expect_everything(made({{"domain", "App.Test"},
                          {"protocol", "http"},
                          {"tls", "true"},
                          {"path_begins", "/api/"},
                          {"id", "one"},
                          {"signature_issuer", "me"},
                          {"signature_key", "key"},
                          {"prefix", "pfx-"},
                          {"path_remove", "4"},
                          {"replace_prefix", "/n/"},
                          {"host", "o.test"},
                          {"headers", "X-A: 1"},
                          {"headers", "X-B:"},
                          {"debug", "true"},
                          {"grip", "false"},
                          {"cross_origin", "yes"},
                          {"jsonp_mode", "basic"},
                          {"jsonp_callback", "cb"},
                          {"jsonp_body", "data"},
                          {"jsonp_default_callback", "dcb"},
                          {"jsonp_default_method", "PUT"},
                          {"original_headers", "true"},
                          {"session", "true"},
                          {"sockjs_prefix", "/sj"},
                          {"sockjs_as_path", "/ws"},
                          {"log_level", "2"}},
                         {{{"address", "back:81"},
                           {"tls", "true"},
                           {"host", "inner.test"},
                           {"over_http", "true"},
                           {"one_event", "true"},
                           {"subscribe", "c1"},
                           {"subscribe", "c2"},
                           {"untrusted", "true"},
                           {"verify", "false"},
                           {"trust_connect_host", "true"},
                           {"client_cert", "/c"},
                           {"client_key", "/k"}},
                          {{"address", "unix:/x"}}}));
}

TEST(RouteFields, TheWordsOfTheRoutesFileAreKeysToo) {
  expect_everything(made({{"domain", "app.test"},    {"proto", "http"},       {"ssl", "yes"},
                          {"path_beg", "/api/"},     {"id", "one"},           {"sig_iss", "me"},
                          {"sig_key", "key"},        {"prefix", "pfx-"},      {"path_rem", "4"},
                          {"replace_beg", "/n/"},    {"as_host", "o.test"},   {"header", "X-A: 1"},
                          {"header", "X-B:"},        {"debug", "true"},       {"no_grip", "true"},
                          {"aco", "true"},           {"jsonp_mode", "basic"}, {"jsonp_cb", "cb"},
                          {"jsonp_body", "data"},    {"jsonp_defcb", "dcb"},  {"jsonp_defmethod", "PUT"},
                          {"orig_headers", "true"},  {"session", "true"},     {"sockjs", "/sj"},
                          {"sockjs_as_path", "/ws"}, {"log_level", "2"}},
                         {{{"address", "back:81"},
                           {"ssl", "true"},
                           {"host", "inner.test"},
                           {"over_http", "true"},
                           {"one_event", "true"},
                           {"sub", "c1"},
                           {"sub", "c2"},
                           {"untrusted", "true"},
                           {"insecure", "true"},
                           {"trust_connect_host", "true"},
                           {"client_cert", "/c"},
                           {"client_key", "/k"}},
                          {{"address", "unix:/x"}}}));
}

TEST(RouteFields, SwitchesCanBeSwitchedOff) {
  const Route r =
      made({{"debug", "false"}, {"grip", "true"}, {"tls", "no"}}, {{{"address", "back:80"}, {"verify", "true"}, {"tls", "off"}}});
  EXPECT_FALSE(r.debug || r.no_grip || r.targets[0].insecure || r.targets[0].tls);
  EXPECT_EQ(r.tls, false);
}

TEST(RouteFields, WithoutADomainARouteServesEveryOtherDomain) {
  EXPECT_EQ(made({}).domain, "*");
  EXPECT_EQ(made({{"id", "x"}}).domain, "*");
  EXPECT_EQ(made({{"domain", ""}, {"id", "x"}}).domain, "");
  EXPECT_THAT(refused({{"domain", ""}}), HasSubstr("needs an id"));
}

TEST(RouteFields, SaysWhatIsWrong) {
  const struct {
    Fields options;
    const char* reason;
  } cases[] = {
      {{{"domian", "x"}}, "unknown key 'domian'; did you mean 'domain'?"},
      {{{"path_prefix", "/x"}}, "unknown key 'path_prefix'"},
      {{{"hold", "x"}}, "unknown key 'hold'"},
      {{{"", "x"}}, "unknown key ''"},
      {{{"domain", "a"}, {"domain", "b"}}, "domain is given twice"},
      {{{"path_beg", "/a"}, {"path_begins", "/a"}}, "path_begins is given twice"},
      {{{"grip", "true"}, {"no_grip", "true"}}, "no_grip is given twice"},
      {{{"path", "/a"}, {"path_begins", "/a"}}, "give one of them"},
      {{{"path", "/a/{b"}}, "path: a parameter is a whole segment"},
      {{{"path", ""}}, "path: needs a value"},
      {{{"debug", "perhaps"}}, "debug: expected true or false"},
      {{{"debug", ""}}, "debug: expected true or false"},
      {{{"protocol", "any"}}, "protocol: expected http or ws"},
      {{{"path_remove", "four"}}, "path_remove: expected a number"},
      {{{"headers", "X-A: 1\r\nX-B: 2"}}, "headers: the value of 'X-A' contains a control character"},
      {{{"headers", "X-A\r\n: 1"}}, "no header name"},
      {{{"headers", "X-A: 1\n"}}, "control character"},
      {{{"headers", std::string("X-A: 1\0", 7)}}, "control character"},
      {{{"headers", "no colon"}}, "headers: expected \"Name: value\""},
      {{{"replace_prefix", "/a\r\nX: y"}}, "replace_prefix: write the path percent-encoded"},
      {{{"prefix", "a\nb"}}, "prefix: contains a control character"},
      {{{"prefix", "\xff"}}, "prefix: is not valid UTF-8"},
      {{{"signature_key", std::string("a\0", 2)}}, "signature_key: contains a NUL byte"},
      {{{"host", "a b"}}, "host: expected HOST"},
      {{{"host", ""}}, "host: needs a value"},
  };
  for (const auto& c : cases) EXPECT_THAT(refused(c.options), HasSubstr(c.reason)) << c.options.front().first;
}

TEST(RouteFields, SaysWhatIsWrongWithATarget) {
  const struct {
    std::vector<Fields> targets;
    const char* reason;
  } cases[] = {
      {{{{"tls", "true"}}}, "targets[0]: address is missing"},
      {{{}}, "targets[0]: address is missing"},
      {{kTarget, {{"address", "back"}}}, "targets[1]: address: expected HOST:PORT"},
      {{{{"address", "back:80"}, {"adress", "x"}}}, "targets[0]: unknown key 'adress'; did you mean 'address'?"},
      {{{{"address", "back:80"}, {"verify", "false"}, {"insecure", "true"}}}, "given twice"},
      {{{{"address", "back:80"}, {"client_cert", "/x"}}}, "need each other"},
      {{{{"address", "back:80"}, {"subscribe", "a\nb"}}}, "subscribe: contains a control character"},
      {{{{"address", "back:80"}, {"host", "a\r\nb"}}}, "host: expected HOST"},
      {{{{"address", "zhttp/tcp://x"}}}, "zhttp targets are not offered"},
      {{{{"address", "zhttpreq/x:1"}}}, "followed by the address to bind"},
  };
  for (const auto& c : cases) EXPECT_THAT(refused({}, c.targets), HasSubstr(c.reason)) << c.reason;
}

TEST(RouteFields, ARouteHasTargetsOrHold) {
  EXPECT_THAT(refused({}, {}), HasSubstr("needs targets or hold"));
  EXPECT_THAT(refused({}, {kTarget}, {{"channels", "x"}}), HasSubstr("not both"));
}

TEST(RouteFields, AHoldNamesItsChannels) {
  const Route r =
      made({{"path", "/events/{channel}"}}, {},
           {{"mode", "response"}, {"channels", "c-{channel}"}, {"channels", "all"}, {"content_type", "text/html"}, {"timeout", "30s"}});
  ASSERT_TRUE(r.hold.has_value());
  EXPECT_TRUE(r.targets.empty());
  EXPECT_EQ(r.hold->mode, DirectHold::Mode::response);
  EXPECT_THAT(r.hold->channels, ElementsAre("c-{channel}", "all"));
  EXPECT_EQ(r.hold->content_type, "text/html");
  EXPECT_EQ(r.hold->timeout_seconds, 30);
}

TEST(RouteFields, AHoldHasDefaults) {
  const Route stream = made({}, {}, {{"channels", "all"}});
  EXPECT_EQ(stream.hold->mode, DirectHold::Mode::stream);
  EXPECT_EQ(stream.hold->content_type, "text/event-stream");
  EXPECT_EQ(stream.hold->timeout_seconds, 55);
  EXPECT_EQ(stream.hold->keep_alive_seconds, 25);
  EXPECT_EQ(made({}, {}, {{"channels", "all"}, {"mode", "response"}}).hold->content_type, "text/plain");
}

TEST(RouteFields, HoldTimesAreWholeSeconds) {
  const struct {
    const char* text;
    int64_t seconds;
  } cases[] = {{"55", 55}, {"55s", 55}, {"2m", 120}, {"2000ms", 2}, {"24h", 86400}, {"1", 1}};
  for (const auto& c : cases) {
    EXPECT_EQ(made({}, {}, {{"channels", "x"}, {"timeout", c.text}}).hold->timeout_seconds, c.seconds) << c.text;
    EXPECT_EQ(made({}, {}, {{"channels", "x"}, {"keep_alive", c.text}}).hold->keep_alive_seconds, c.seconds) << c.text;
  }
  EXPECT_EQ(made({}, {}, {{"channels", "x"}, {"keep_alive", "0"}}).hold->keep_alive_seconds, 0);
  for (const char* text : {"0", "1500ms", "25h", "-1", "soon", "9999999999999999999999"}) {
    EXPECT_THAT(refused({}, {}, {{"channels", "x"}, {"timeout", text}}), HasSubstr("hold: timeout: ")) << text;
  }
}

TEST(RouteFields, SaysWhatIsWrongWithAHold) {
  const struct {
    Fields options, hold;
    const char* reason;
  } cases[] = {
      {{}, {{"mode", "stream"}}, "hold: channels is missing"},
      {{}, {{"chanels", "x"}}, "hold: unknown key 'chanels'; did you mean 'channels'?"},
      {{}, {{"channels", "x"}, {"mode", "socket"}}, "hold: mode: expected response, stream or websocket"},
      {{}, {{"channels", "x"}, {"mode", "stream"}, {"mode", "stream"}}, "given twice"},
      {{}, {{"channels", ""}}, "hold: channels: needs a value"},
      {{}, {{"channels", "a\nb"}}, "hold: channels: contains a control character"},
      {{}, {{"channels", "{a}"}}, "has no parameter {a}"},
      {{{"path", "/x/{b}"}}, {{"channels", "{b}"}, {"channels", "{a}"}}, "has no parameter {a}"},
      {{{"path_begins", "/x/"}}, {{"channels", "{a}"}}, "has no parameter {a}"},
      {{{"path", "/x/{b}"}}, {{"channels", "{b"}}, "a parameter is written {name}"},
      {{{"path", "/x/{b}"}}, {{"channels", "b}"}}, "a parameter is written {name}"},
      {{}, {{"channels", "x"}, {"content_type", "text/html\r\nX: y"}}, "hold: content_type: expected a media type"},
      {{}, {{"channels", "x"}, {"content_type", "html"}}, "hold: content_type: expected a media type"},
      {{{"protocol", "websocket"}}, {{"channels", "x"}}, "can't be ws"},
      {{{"protocol", "http"}}, {{"channels", "x"}, {"mode", "websocket"}}, "can't be http"},
      {{{"origins", "www.example.com"}}, {{"channels", "x"}}, "expected an origin"},
  };
  for (const auto& c : cases) EXPECT_THAT(refused(c.options, {}, c.hold), HasSubstr(c.reason)) << c.reason;
}

TEST(RouteFields, ListsTheKeysThatItKnowsOnceEach) {
  const auto named = [](const std::vector<RouteKey>& keys, std::string_view name) {
    return std::count_if(keys.begin(), keys.end(), [&](const RouteKey& key) { return key.name == name; });
  };
  for (const std::string_view name : {"path_begins", "path_beg", "grip", "no_grip", "origins"})
    EXPECT_EQ(named(route_keys(), name), 1) << name;
  EXPECT_EQ(named(target_keys(), "address"), 1);
  EXPECT_EQ(named(hold_keys(), "channels"), 1);
  for (const RouteKey& key : hold_keys()) EXPECT_EQ(key.repeats, key.name.starts_with("channel")) << key.name;
  for (const RouteKey& key : target_keys()) EXPECT_FALSE(key.is_switch && key.repeats) << key.name;
}

TEST(RouteFields, WithoutAPlaceAnErrorBeginsWithWhatIsWrong) {
  EXPECT_THAT(make_route({{{"x", "y"}}, {kTarget}, {}, ""}).error().text, StartsWith("unknown key 'x'"));
}

}  // namespace
}  // namespace holdfast
