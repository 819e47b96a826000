#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/route/route.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::StartsWith;

// The one route of a text without problems.
Route only(std::string_view text) {
  std::vector<std::string> problems;
  auto routes = parse_routes_file(text, "routes", problems);
  EXPECT_THAT(problems, IsEmpty()) << text;
  EXPECT_EQ(routes.size(), 1u) << text;
  return routes.empty() ? Route() : routes.front();
}

// The one problem of a line that gives no route.
std::string problem(std::string_view text) {
  std::vector<std::string> problems;
  const auto routes = parse_routes_file(text, "routes", problems);
  EXPECT_THAT(routes, IsEmpty()) << text;
  EXPECT_EQ(problems.size(), 1u) << text;
  return problems.empty() ? "" : problems.front();
}

TEST(RoutesFile, ReadsEveryConditionOption) {
  const Route r = only(
      "App.Test,proto=ws,ssl=yes,path_beg=/api/,id=one,sig_iss=me,sig_key=base64:c2VjcmV0LWtleQ==,prefix=pfx-,path_rem=4,as_host=o.test:81,"
      "header=\"X-A: one, two\",header=X-Drop:,debug,no_grip,aco,jsonp_mode=basic,jsonp_cb=cb,jsonp_body=data,jsonp_defcb=dcb,"
      "jsonp_defmethod=PUT,orig_headers,session,sockjs=/sj,sockjs_as_path=/ws,log_level=3 localhost:80");
  EXPECT_EQ(r.domain, "app.test");
  EXPECT_EQ(r.protocol, Protocol::websocket);
  EXPECT_EQ(r.tls, true);
  EXPECT_EQ(r.path_begin, "/api/");
  EXPECT_EQ(r.path_template, std::nullopt);
  EXPECT_EQ(r.id, "one");
  EXPECT_EQ(r.signature_issuer, "me");
  EXPECT_EQ(r.signature_key, "base64:c2VjcmV0LWtleQ==");
  EXPECT_EQ(r.prefix, "pfx-");
  EXPECT_EQ(r.path_remove, 4u);
  EXPECT_EQ(r.replace_begin, std::nullopt);
  EXPECT_EQ(r.as_host, "o.test:81");
  EXPECT_THAT(r.set_headers, ElementsAre(Pair("X-A", "one, two"), Pair("X-Drop", "")));
  EXPECT_TRUE(r.debug && r.no_grip && r.cross_origin && r.original_headers && r.session);
  EXPECT_EQ(r.jsonp_mode, JsonpMode::basic);
  EXPECT_EQ(r.jsonp_callback, "cb");
  EXPECT_EQ(r.jsonp_body, "data");
  EXPECT_EQ(r.jsonp_default_callback, "dcb");
  EXPECT_EQ(r.jsonp_default_method, "PUT");
  EXPECT_EQ(r.sockjs_prefix, "/sj");
  EXPECT_EQ(r.sockjs_as_path, "/ws");
  EXPECT_EQ(r.log_level, 3);
  EXPECT_EQ(r.where, "routes:1");
}

TEST(RoutesFile, ReadsEveryTargetOption) {
  const Route r = only(
      "* be:81,ssl,host=inner.test:8443,over_http,one_event,sub=c1,sub=\"c 2\",untrusted,trust_connect_host,insecure,client_cert=/c.pem,"
      "client_key=/k.pem 10.0.0.1:82");
  ASSERT_EQ(r.targets.size(), 2u);
  const Target& t = r.targets[0];
  EXPECT_EQ(t.kind, Target::Kind::http);
  EXPECT_EQ(t.host, "be");
  EXPECT_EQ(t.port, 81);
  EXPECT_EQ(t.host_header, "inner.test:8443");
  EXPECT_TRUE(t.tls && t.over_http && t.one_event && t.untrusted && t.trust_connect_host && t.insecure);
  EXPECT_THAT(t.subscriptions, ElementsAre("c1", "c 2"));
  EXPECT_EQ(t.client_cert, "/c.pem");
  EXPECT_EQ(t.client_key, "/k.pem");
  const Target& u = r.targets[1];
  EXPECT_EQ(u.host, "10.0.0.1");
  EXPECT_EQ(u.port, 82);
  EXPECT_FALSE(u.tls || u.over_http || u.one_event || u.untrusted || u.trust_connect_host || u.insecure || u.unix_socket);
}

TEST(RoutesFile, WithoutOptionsARouteHasTheDefaults) {
  const Route r = only("* localhost:80");
  EXPECT_EQ(r.domain, "*");
  EXPECT_EQ(r.protocol, Protocol::any);
  EXPECT_EQ(r.tls, std::nullopt);
  EXPECT_EQ(r.jsonp_mode, JsonpMode::extended);
  EXPECT_EQ(r.jsonp_callback, "callback");
  EXPECT_EQ(r.log_level, -1);
  EXPECT_FALSE(r.debug || r.no_grip || r.cross_origin || r.original_headers || r.session || r.hold);
}

TEST(RoutesFile, ReadsAddresses) {
  EXPECT_EQ(only("* test").targets[0].kind, Target::Kind::test);
  const Target six = only("* [::1]:8080").targets[0];
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.port, 8080);
  EXPECT_EQ(only("* [fe80::1%eth0]:1").targets[0].host, "fe80::1%eth0");
  const Target local = only("* unix:/run/app.sock,over_http").targets[0];
  EXPECT_TRUE(local.unix_socket && local.over_http);
  EXPECT_EQ(local.host, "/run/app.sock");
  EXPECT_EQ(only("* \"unix:/run/a b,c#d=e.sock\"").targets[0].host, "/run/a b,c#d=e.sock");
  EXPECT_EQ(only("[0:0::1] test").domain, "::1");
  EXPECT_EQ(only("app.test. test").domain, "app.test");
}

TEST(RoutesFile, ARouteWithAnIdNeedsNoDomain) {
  EXPECT_EQ(only(",id=hidden test").id, "hidden");
  EXPECT_EQ(only("id=hidden,debug test").id, "hidden");
  EXPECT_EQ(only("\"\",id=hidden test").domain, "");
  EXPECT_THAT(problem(",debug test"), HasSubstr("needs an id"));
}

TEST(RoutesFile, ResolvesQuotesBlanksAndComments) {
  const struct {
    const char* line;
    const char* prefix;
  } cases[] = {
      {R"(a,prefix="x y" test)", "x y"},
      {R"(a,prefix="x,y" test)", "x,y"},
      {R"(a,prefix="x#y" test)", "x#y"},
      {R"(a,prefix="x\"y" test)", "x\"y"},
      {R"(a,prefix="x\\y" test)", "x\\y"},
      {R"(a,prefix=x\y test)", "x\\y"},
      {R"(a,"prefix=x y" test)", "x y"},
      {R"(a,pre"fix=x"y test)", "xy"},
      {R"(a,prefix=x"" test)", "x"},
      {R"(a,prefix="" test)", ""},
      {R"(a,prefix= test)", ""},
      {R"(a,prefix=x=y test)", "x=y"},
      {"a,prefix=x\ttest", "x"},
      {"\t a,prefix=x   test  ", "x"},
      {"a,prefix=x test#comment", "x"},
      {"a,prefix=x test # \"comment", "x"},
      {"a,prefix=x test\r\n", "x"},
      {"\xef\xbb\xbf"
       "a,prefix=x test",
       "x"},
      {"\n\n#a test\n  # b\n\r\na,prefix=x test", "x"},
      {"# caf\xe9 \x01\na,prefix=x test", "x"},
      {"a,prefix=\xc3\xa9 test", "\xc3\xa9"},
  };
  for (const auto& c : cases) EXPECT_EQ(only(c.line).prefix, c.prefix) << c.line;
}

TEST(RoutesFile, BadLinesAreNamedAndTheOthersLoad) {
  std::vector<std::string> problems;
  const auto routes = parse_routes_file("a test\nb\n\n# c\nd,proto=ftp test\ne test", "my/routes", problems);
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].where, "my/routes:1");
  EXPECT_EQ(routes[1].where, "my/routes:6");
  EXPECT_THAT(problems, ElementsAre(StartsWith("my/routes:2: "), StartsWith("my/routes:5: ")));
}

TEST(RoutesFile, SaysWhatIsWrongWithALine) {
  const struct {
    std::string line;
    const char* reason;
  } cases[] = {
      {"a", "a condition and at least one target"},
      {"a #test", "a condition and at least one target"},
      {"a,prefix=\"x test", "quote is not closed"},
      {"a,prefix=\"x\\", "quote is not closed"},
      {"a,prefix=\"x\\n\" test", "inside quotes"},
      {"a,,debug test", "expected after each ','"},
      {"a, test", "expected after each ','"},
      {"a,=x test", "expected after each ','"},
      {"a test,", "expected after each ','"},
      {"a,proto=ftp test", "proto: expected http or ws, not 'ftp'"},
      {"a,proto test", "proto: needs a value"},
      {"a,ssl test", "ssl: needs a value"},
      {"a,ssl=maybe test", "ssl: expected yes or no"},
      {"a,path_beg= test", "path_beg: needs a value"},
      {"a,path_beg=api test", "path_beg: a path begins with '/'"},
      {"a,path_beg=/a?b test", "no query"},
      {"a,path_beg=\"/a b\" test", "percent-encoded"},
      {"a,replace_beg=\"/a b\" test", "percent-encoded"},
      {"a,replace_beg=b test", "begins with '/'"},
      {"a,id= test", "id: needs a value"},
      {"a,path_rem=x test", "path_rem: expected a number"},
      {"a,path_rem=-1 test", "path_rem: expected a number"},
      {"a,path_rem=99999999999999999999999 test", "path_rem: expected a number"},
      {"a,path_rem=65537 test", "path_rem: expected a number"},
      {"a,log_level=10 test", "log_level: expected a number"},
      {"a,as_host=x/y test", "as_host: expected HOST"},
      {"a,as_host=x:0 test", "as_host: expected HOST"},
      {"a,header=X test", "header: expected \"Name: value\""},
      {"a,header=\": x\" test", "no header name"},
      {"a,header=\"X Y: x\" test", "no header name"},
      {"a,header=\"Content-length: 5\" test", "belongs to the connection"},
      {"a,header=Transfer-Encoding: test", "belongs to the connection"},
      {"a,debug=no test", "leave it out"},
      {"a,debug= test", "leave it out"},
      {"a,debug,debug test", "debug is given twice"},
      {"a,jsonp_mode=x test", "jsonp_mode: expected basic or extended"},
      {"a,jsonp_defmethod=\"P T\" test", "is no method"},
      {"a,sockjs=sj test", "sockjs: a path begins with '/'"},
      {"a:80 test", "without a port"},
      {"http://a test", "without a scheme"},
      {"a/b test", "a path goes into an option"},
      {"*.a.test test", "'*' stands alone"},
      {"a..b test", "no host name"},
      {"\xc3\xa9.test test", "xn--"},
      {"a back", "target 1: expected HOST:PORT"},
      {"a back:", "target 1: a port is"},
      {"a back:0", "target 1: a port is"},
      {"a back:65536", "target 1: a port is"},
      {"a back:+80", "target 1: a port is"},
      {"a back:80x", "target 1: a port is"},
      {"a :80", "target 1: expected HOST:PORT"},
      {"a ::1:80", "goes in brackets"},
      {"a [::1]", "expected HOST:PORT"},
      {"a [::x]:80", "expected HOST:PORT"},
      {"a [127.0.0.1]:80", "expected HOST:PORT"},
      {"a http://back:80", "without a scheme"},
      {"a unix:", "begins with '/'"},
      {"a unix:run/x", "begins with '/'"},
      {"a unix:/" + std::string(200, 'x'), "too long"},
      {"a test back:x", "target 2: "},
      {"a back:80,host=\"x y\"", "host: expected HOST"},
      {"a back:80,sub=", "sub: needs a value"},
      {"a back:80,sub", "sub: needs a value"},
      {"a back:80,ssl=no", "leave it out"},
      {"a back:80,client_cert=/x", "need each other"},
      {"a back:80,client_key=/x", "need each other"},
      {"a back:80,over_http,over_http", "given twice"},
      {"a zhttp/ipc:///x,ipc_file_mode=9", "octal"},
      {std::string("a,prefix=x\0y test", 17), "control character"},
      {std::string("a\0 test", 7), "control character"},
      {"a,header=\"X: a\rY: b\" test", "control character"},
      {"a,prefix=\"x\ty\" test", "control character"},
      {"a,prefix=\xff test", "UTF-8"},
      {"a,prefix=" + std::string(70000, 'x') + " test", "longer than 65536"},
  };
  for (const auto& c : cases) EXPECT_THAT(problem(c.line), AllOf(StartsWith("routes:1: "), HasSubstr(c.reason))) << c.line.substr(0, 100);
}

TEST(RoutesFile, AnUnknownOptionIsNamedWithTheNearestKnown) {
  EXPECT_THAT(problem("a,path_begin=/x test"), HasSubstr("unknown option 'path_begin'; did you mean 'path_beg'?"));
  EXPECT_THAT(problem("a,no_girp test"), HasSubstr("did you mean 'no_grip'?"));
  EXPECT_THAT(problem("a b:80,over_htp"), HasSubstr("did you mean 'over_http'?"));
  EXPECT_THAT(problem("a,Debug test"), HasSubstr("did you mean 'debug'?"));
  EXPECT_THAT(problem("a,zzzzzzzz test"), testing::EndsWith("unknown option 'zzzzzzzz'"));
  EXPECT_THAT(problem("a,signature_issuer=x test"), HasSubstr("unknown option 'signature_issuer'")) << "that is the word of the YAML file";
  EXPECT_THAT(problem("a,path=/x test"), HasSubstr("unknown option 'path'"));
}

TEST(RoutesFile, ProblemsNeitherRepeatKeysNorGrow) {
  EXPECT_THAT(problem("a,sig_key=hush-hush,sig_key=hush-hush test"), testing::Not(HasSubstr("hush")));
  EXPECT_LT(problem("a," + std::string(60000, 'x') + " test").size(), 200u);
  std::vector<std::string> problems;
  std::string text;
  for (int i = 0; i < 250; ++i) text += "x\n";
  parse_routes_file(text, "routes", problems);
  ASSERT_EQ(problems.size(), 101u);
  EXPECT_EQ(problems.back(), "routes: 150 more problems");
}

TEST(RoutesFile, TargetsThatAreNotOfferedKeepTheirRoute) {
  std::vector<std::string> problems;
  const auto routes =
      parse_routes_file("a zhttpreq/tcp://127.0.0.1:9\nb zhttp/ipc:///x,ipc_file_mode=660,over_http back:80", "routes", problems);
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].targets[0].kind, Target::Kind::message_socket);
  EXPECT_EQ(routes[0].targets[0].host, "tcp://127.0.0.1:9");
  EXPECT_EQ(routes[1].targets[0].kind, Target::Kind::unsupported);
  EXPECT_EQ(routes[1].targets[1].kind, Target::Kind::http);
  EXPECT_THAT(problems, ElementsAre("routes:2: zhttp targets are not offered yet: such a target answers 502"));
}

TEST(RoutesFile, SockJsHasADefaultPathForItsBackend) {
  EXPECT_EQ(only("a,sockjs=/sj test").sockjs_as_path, "/sj/websocket");
  EXPECT_EQ(only("a test").sockjs_as_path, "");
}

TEST(RoutesFile, AnEmptyTextHasNoRoutes) {
  std::vector<std::string> problems;
  for (const char* text : {"", "\n", "\r\n\r\n", "   ", "#", "\xef\xbb\xbf"})
    EXPECT_THAT(parse_routes_file(text, "routes", problems), IsEmpty());
  EXPECT_THAT(problems, IsEmpty());
}

// A file as Pushpin serves it, read and used.
TEST(RoutesFile, AWholePushpinFileLoadsAndRoutes) {
  constexpr std::string_view kFile = R"(# one of each
app.test 127.0.0.1:9001
fallback.test 127.0.0.1:9003 127.0.0.1:9002
path.test 127.0.0.1:9002
path.test,path_beg=/api/ 127.0.0.1:9001
path.test,path_beg=/api/v2/ 127.0.0.1:9002
rem.test,path_beg=/pre/,path_rem=4 127.0.0.1:9001
repl.test,path_beg=/old/,replace_beg=/new/ 127.0.0.1:9001
hdr.test,header="X-Injected: one two",header=X-Drop: 127.0.0.1:9001
sig.test,sig_iss=custom-iss,sig_key="base64:c2VjcmV0LWtleQ==" 127.0.0.1:9001
jsonp.test,aco,jsonp_mode=basic,jsonp_cb=cb,jsonp_body=data,jsonp_defmethod=PUT 127.0.0.1:9001
proto.test,proto=http 127.0.0.1:9001
proto.test,proto=ws 127.0.0.1:9002
ssl.test,ssl=no 127.0.0.1:9001
ssl.test,ssl=yes 127.0.0.1:9002
echopath.test,path_beg=/deep/ test
sockjs.test,sockjs=/sj,sockjs_as_path=/sjws 127.0.0.1:9001,over_http,one_event,sub=impl-1,sub=impl-2
ident.test,id=my-route 127.0.0.1:9001
,id=hidden-route 127.0.0.1:9002
* 127.0.0.1:9002
)";
  std::vector<std::string> problems;
  const auto table = RouteTable::make(parse_routes_file(kFile, "routes", problems), &problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(table->routes().size(), 19u);
  const auto port = [&](const RouteQuery& query) -> int {
    const auto match = table->match(query);
    return match.route == nullptr ? 0 : match.route->targets.front().port;
  };
  EXPECT_EQ(port({.host = "path.test", .path = "/api/x"}), 9001);
  EXPECT_EQ(port({.host = "path.test", .path = "/api/v2/x"}), 9002);
  EXPECT_EQ(port({.host = "proto.test", .path = "/", .websocket = true}), 9002);
  EXPECT_EQ(port({.host = "ssl.test", .path = "/", .tls = true}), 9002);
  EXPECT_EQ(port({.host = "ssl.test", .path = "/"}), 9001);
  EXPECT_EQ(port({.host = "rem.test", .path = "/other"}), 0);
  EXPECT_EQ(port({.host = "whatever.test", .path = "/", .route_id = "my-route"}), 9001);
  EXPECT_EQ(port({.host = "whatever.test", .path = "/"}), 9002);
  EXPECT_EQ(rewrite_target(*table->match({.host = "rem.test", .path = "/pre/t?q=1"}).route, "/pre/t?q=1"), "/t?q=1");
  EXPECT_EQ(rewrite_target(*table->match({.host = "repl.test", .path = "/old/thing"}).route, "/old/thing?z"), "/new/thing?z");
}

}  // namespace
}  // namespace holdfast
