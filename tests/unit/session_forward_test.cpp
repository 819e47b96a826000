#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/base/text.h"
#include "gateway/grip/instruct.h"
#include "gateway/session/forward.h"
#include "gateway/session/header_kind.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const WallTime kNow{std::chrono::seconds(1'700'000'000)};

Headers make(std::vector<Headers::Field> fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

// One request on its way to a backend; a test changes what it is about.
struct Forwarding {
  ProxyOptions options;
  Route route;
  Target target;
  RequestFacts facts;
  PeerInfo peer{"192.0.2.7", false};
  RequestHead head;
  const SignatureKey* route_key = nullptr;

  Forwarding() {
    head.method = "GET";
    head.target = "/x?a=1&b=%2F";
    head.headers.add("Host", "app.test");
    target.host = "backend";
    target.port = 8000;
  }

  ForwardRules rules() const {
    auto made = ForwardRules::make(options);
    EXPECT_TRUE(made) << made.error().text;
    return made ? *made : ForwardRules();
  }
  Headers headers() const { return forward_head(rules(), route, target, route_key, head, facts, peer, kNow).headers; }
};

std::string claims_of(std::string_view token) {
  const auto parts = split(token, '.');
  return parts.size() == 3 ? base64url_decode(parts[1]).value_or("") : "";
}

// ---- the request line, Host, what passes

TEST(ForwardHead, MethodAndTargetPassByteForByte) {
  Forwarding f;
  f.head.method = "PURGE";
  f.head.minor_version = 0;
  const auto out = forward_head(f.rules(), f.route, f.target, nullptr, f.head, f.facts, f.peer, kNow);
  EXPECT_EQ(out.method, "PURGE");
  EXPECT_EQ(out.target, "/x?a=1&b=%2F");
  EXPECT_EQ(out.minor_version, 1);
}

TEST(ForwardHead, RouteRewritesThePath) {
  Forwarding f;
  f.route.path_begin = "/x";
  f.route.replace_begin = "/new";
  EXPECT_EQ(forward_head(f.rules(), f.route, f.target, nullptr, f.head, f.facts, f.peer, kNow).target, "/new?a=1&b=%2F");
}

TEST(ForwardHead, OrdinaryHeadersKeepSpellingOrderAndRepeats) {
  Forwarding f;
  f.head.headers.add("x-LOWER", "1");
  f.head.headers.add("Cookie", "a=b");
  f.head.headers.add("X-Lower", "2");
  f.head.headers.add("some_name", "3");
  f.head.headers.add("X-Empty", "");
  f.route.no_grip = true;
  EXPECT_EQ(f.headers(),
            make({{"Host", "app.test"}, {"x-LOWER", "1"}, {"Cookie", "a=b"}, {"X-Lower", "2"}, {"some_name", "3"}, {"X-Empty", ""}}));
}

TEST(ForwardHead, HeadersOfTheConnectionStay) {
  const std::vector<std::string> names = {"Connection",        "Keep-Alive",      "Proxy-Connection", "TE",
                                          "Trailer",           "Upgrade",         "Content-Length",   "Expect",
                                          "Transfer-Encoding", "Accept-Encoding", "Content-Encoding"};
  for (const auto& name : names) {
    Forwarding f;
    f.head.headers.add(name, "v");
    f.head.headers.add(to_lower(name), "v");
    EXPECT_FALSE(f.headers().has(name)) << name;
  }
}

TEST(ForwardHead, ConnectionCannotNameOtherHeadersAway) {
  Forwarding f;
  f.options.x_forwarded_for = "append";
  f.head.headers.add("Connection", "close, X-Hop, X-Forwarded-For, Grip-Sig");
  f.head.headers.add("X-Hop", "1");
  const auto headers = f.headers();
  EXPECT_EQ(headers.get("X-Hop"), "1");
  EXPECT_EQ(headers.get("X-Forwarded-For"), "192.0.2.7");
  EXPECT_TRUE(headers.has("Grip-Sig"));
}

TEST(ForwardHead, HostIsTheTargetsThenTheRoutesThenTheClients) {
  Forwarding f;
  EXPECT_THAT(f.headers().all("Host"), ElementsAre("app.test"));
  f.route.as_host = "origin.example:8080";
  EXPECT_THAT(f.headers().all("Host"), ElementsAre("origin.example:8080"));
  f.target.host_header = "inner.example";
  EXPECT_THAT(f.headers().all("Host"), ElementsAre("inner.example"));
}

TEST(ForwardHead, ARequestWithoutHostGetsTheBackends) {
  Forwarding f;
  f.head.headers.clear();
  EXPECT_THAT(f.headers().all("Host"), ElementsAre("backend:8000"));
  f.target.host = "::1";
  EXPECT_THAT(f.headers().all("Host"), ElementsAre("[::1]:8000"));
  f.target.unix_socket = true;
  EXPECT_THAT(f.headers().all("Host"), ElementsAre("localhost"));
  f.route.as_host = "set.example";
  EXPECT_THAT(f.headers().all("Host"), ElementsAre("set.example"));
}

// ---- Grip

TEST(ForwardHead, GripHeadersOfClientsAreReplacedByOurs) {
  Forwarding f;
  f.head.headers.add("Grip-Sig", "forged");
  f.head.headers.add("grip-feature", "all");
  f.head.headers.add("GRIP-Last", "ch; last-id=1");
  f.head.headers.add("Grip-", "odd");
  const auto headers = f.headers();
  ASSERT_EQ(headers.all("Grip-Sig").size(), 1u);
  EXPECT_NE(headers.get("Grip-Sig"), "forged");
  EXPECT_THAT(headers.all("Grip-Feature"), ElementsAre(grip_features()));
  EXPECT_FALSE(headers.has("Grip-Last"));
  EXPECT_FALSE(headers.has("Grip-"));
}

TEST(ForwardHead, TheTokenIsSignedByTheNodesIssuerAndKey) {
  Forwarding f;
  const auto token = std::string(f.headers().get("Grip-Sig"));
  EXPECT_EQ(claims_of(token), R"({"exp":1700003600,"iss":"pushpin"})");
  EXPECT_TRUE(SignatureKey::load("changeme")->verify(token, kNow));
}

TEST(ForwardHead, ARoutesIssuerAndKeyComeFirst) {
  Forwarding f;
  const auto key = *SignatureKey::load("base64:c2VjcmV0LWtleQ==");
  f.route.signature_issuer = "custom-iss";
  f.route_key = &key;
  const auto token = std::string(f.headers().get("Grip-Sig"));
  EXPECT_TRUE(SignatureKey::load("secret-key")->verify(token, kNow));
  EXPECT_FALSE(SignatureKey::load("changeme")->verify(token, kNow));
  EXPECT_THAT(claims_of(token), HasSubstr("custom-iss"));
}

TEST(ForwardHead, WithoutIssuerOrKeyThereIsNoToken) {
  Forwarding f;
  f.options.signature_key = "";
  EXPECT_FALSE(f.headers().has("Grip-Sig"));
  EXPECT_TRUE(f.headers().has("Grip-Feature"));
  Forwarding g;
  g.options.signature_issuer = "";
  EXPECT_FALSE(g.headers().has("Grip-Sig"));
}

TEST(ForwardHead, TrustedClientsKeepTheirGripHeadersAndGetNoneOfOurs) {
  Forwarding f;
  f.facts.trusted = true;
  f.head.headers.add("Grip-Sig", "theirs");
  f.head.headers.add("Grip-Last", "ch; last-id=1");
  const auto headers = f.headers();
  EXPECT_THAT(headers.all("Grip-Sig"), ElementsAre("theirs"));
  EXPECT_EQ(headers.get("Grip-Last"), "ch; last-id=1");
  EXPECT_FALSE(headers.has("Grip-Feature"));
}

TEST(ForwardHead, ARouteWithoutGripGetsNone) {
  Forwarding f;
  f.route.no_grip = true;
  f.head.headers.add("Grip-Sig", "forged");
  EXPECT_FALSE(f.headers().has("Grip-Sig"));
  EXPECT_FALSE(f.headers().has("Grip-Feature"));
}

TEST(ForwardHead, NamesThatBackendsConfuseWithOursAreDropped) {
  for (const std::string name : {"Grip_Sig", "grip_feature", "X_Forwarded_For", "X-Forwarded_Proto", "CDN_Loop", "Content_Length",
                                 "Transfer_Encoding", "eb9bf0f5_X-Thing", "Pushpin_Route"}) {
    Forwarding f;
    f.facts.trusted = true;  // not even from a trusted one: there is no honest use
    f.route.original_headers = true;
    f.head.headers.add(name, "sly");
    for (const auto& [sent, value] : f.headers()) EXPECT_NE(value, "sly") << sent;
    f.facts.trusted = false;
    for (const auto& [sent, value] : f.headers()) EXPECT_NE(value, "sly") << sent;
  }
}

// ---- X-Forwarded-*

TEST(ForwardHead, ForwardedForPassesAsItIsWithoutARule) {
  Forwarding f;
  f.head.headers.add("X-Forwarded-For", "1.2.3.4, 5.6.7.8");
  f.head.headers.add("X-Forwarded-For", "9.9.9.9");
  EXPECT_THAT(f.headers().all("X-Forwarded-For"), ElementsAre("1.2.3.4, 5.6.7.8", "9.9.9.9"));
}

TEST(ForwardHead, ForwardedForIsMergedCutAndExtended) {
  const auto with = [](std::string rule) {
    Forwarding f;
    f.options.x_forwarded_for = std::move(rule);
    f.head.headers.add("x-forwarded-for", "1.1.1.1, 2.2.2.2");
    f.head.headers.add("X-Forwarded-For", " ,3.3.3.3,");
    const auto headers = f.headers();
    std::vector<std::string> values;
    for (const auto value : headers.all("X-Forwarded-For")) values.emplace_back(value);
    return values;
  };
  EXPECT_THAT(with("append"), ElementsAre("1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7"));
  EXPECT_THAT(with("truncate:1,append"), ElementsAre("3.3.3.3, 192.0.2.7"));
  EXPECT_THAT(with("truncate:2"), ElementsAre("2.2.2.2, 3.3.3.3"));
  EXPECT_THAT(with("truncate:99"), ElementsAre("1.1.1.1, 2.2.2.2, 3.3.3.3"));
  EXPECT_THAT(with("truncate:0,append"), ElementsAre("192.0.2.7"));
  EXPECT_THAT(with("truncate:0"), IsEmpty());
}

TEST(ForwardHead, TrustedClientsHaveAForwardedForRuleOfTheirOwn) {
  Forwarding f;
  f.options.x_forwarded_for = "truncate:0,append";
  f.options.x_forwarded_for_trusted = "truncate:1";
  f.head.headers.add("X-Forwarded-For", "1.1.1.1, 2.2.2.2");
  EXPECT_THAT(f.headers().all("X-Forwarded-For"), ElementsAre("192.0.2.7"));
  f.facts.trusted = true;
  EXPECT_THAT(f.headers().all("X-Forwarded-For"), ElementsAre("2.2.2.2"));
}

TEST(ForwardHead, ForwardedProtoOfAClientIsReplacedByWhatWeKnow) {
  Forwarding f;
  f.head.headers.add("X-Forwarded-Proto", "https");
  f.head.headers.add("X-Forwarded-Protocol", "https");
  EXPECT_FALSE(f.headers().has("X-Forwarded-Proto"));
  EXPECT_FALSE(f.headers().has("X-Forwarded-Protocol"));
  f.facts.secure = true;
  EXPECT_THAT(f.headers().all("X-Forwarded-Proto"), ElementsAre("https"));
  EXPECT_FALSE(f.headers().has("X-Forwarded-Protocol"));
  f.options.set_x_forwarded_proto = "yes";
  EXPECT_THAT(f.headers().all("X-Forwarded-Proto"), ElementsAre("https"));
  EXPECT_THAT(f.headers().all("X-Forwarded-Protocol"), ElementsAre("https"));
}

TEST(ForwardHead, ForwardedProtoPassesOnlyIfNobodyHereCares) {
  Forwarding f;
  f.options.set_x_forwarded_proto = "no";
  f.facts.secure = true;
  f.head.headers.add("X-Forwarded-Proto", "whatever");
  EXPECT_THAT(f.headers().all("X-Forwarded-Proto"), ElementsAre("whatever"));
  f.options.accept_x_forwarded_proto = true;
  EXPECT_FALSE(f.headers().has("X-Forwarded-Proto"));
}

// ---- CDN-Loop, Pushpin-Route, marked copies, the route's own headers

TEST(ForwardHead, CdnLoopIsOneHeaderThatEndsInOurName) {
  Forwarding f;
  f.head.headers.add("CDN-Loop", "a, b; x=1");
  f.head.headers.add("Cdn-Loop", "c");
  EXPECT_THAT(f.headers().all("CDN-Loop"), ElementsAre("a, b; x=1", "c"));
  f.options.cdn_loop = "edge-loop";
  EXPECT_THAT(f.headers().all("CDN-Loop"), ElementsAre("a, b; x=1, c, edge-loop"));
  f.head.headers.remove("CDN-Loop");
  EXPECT_THAT(f.headers().all("CDN-Loop"), ElementsAre("edge-loop"));
}

TEST(ForwardHead, TheRouteHeaderIsRemovedWhereItIsUnderstood) {
  Forwarding f;
  f.head.headers.add("Pushpin-Route", "id");
  EXPECT_TRUE(f.headers().has("Pushpin-Route"));
  f.options.accept_route_header = true;
  EXPECT_FALSE(f.headers().has("Pushpin-Route"));
}

TEST(ForwardHead, MarkedCopiesShowWhatTheClientSent) {
  Forwarding f;
  f.route.original_headers = true;
  f.route.as_host = "origin.example";
  f.options.orig_headers_need_mark = "X-Special, X-Other";
  f.head.headers.add("X-Thing", "7");
  f.head.headers.add("Keep-Alive", "timeout=5");
  f.head.headers.add("x-special", "spoofed");
  f.head.headers.add("eb9bf0f5-X-Special", "real");
  f.head.headers.add("EB9BF0F5-Host", "spoofed");
  const auto headers = f.headers();
  EXPECT_EQ(headers.get("X-Thing"), "7");
  EXPECT_EQ(headers.get("eb9bf0f5-X-Thing"), "7");
  EXPECT_THAT(headers.all("eb9bf0f5-Host"), ElementsAre("app.test"));
  EXPECT_EQ(headers.get("eb9bf0f5-Keep-Alive"), "timeout=5");
  EXPECT_THAT(headers.all("eb9bf0f5-X-Special"), ElementsAre("real"));
  EXPECT_EQ(headers.get("X-Special"), "spoofed");
}

TEST(ForwardHead, MarksPassOnlyFromTrustedClientsOnSuchRoutes) {
  Forwarding f;
  f.head.headers.add("eb9bf0f5-X-Thing", "7");
  EXPECT_FALSE(f.headers().has("eb9bf0f5-X-Thing"));
  f.facts.trusted = true;
  EXPECT_FALSE(f.headers().has("eb9bf0f5-X-Thing"));
  f.route.original_headers = true;
  EXPECT_THAT(f.headers().all("eb9bf0f5-X-Thing"), ElementsAre("7"));
  EXPECT_FALSE(f.headers().has("eb9bf0f5-Host")) << "a trusted proxy has made the copies already";
}

TEST(ForwardHead, RouteHeadersReplaceAddAndRemove) {
  Forwarding f;
  f.route.set_headers = {{"X-Injected", "one two"}, {"X-Drop", ""}, {"X-Many", "1"}, {"X-Many", "2"}};
  f.head.headers.add("x-injected", "mine");
  f.head.headers.add("X_Injected", "mine too");
  f.head.headers.add("X-Drop", "me");
  const auto headers = f.headers();
  EXPECT_THAT(headers.all("X-Injected"), ElementsAre("one two"));
  EXPECT_FALSE(headers.has("X_Injected"));
  EXPECT_FALSE(headers.has("X-Drop"));
  EXPECT_THAT(headers.all("X-Many"), ElementsAre("1", "2"));
}

TEST(ForwardHead, RouteHeadersWinOverOurs) {
  Forwarding f;
  f.facts.secure = true;
  f.route.set_headers = {{"X-Forwarded-Proto", "http"}, {"Grip-Feature", ""}};
  EXPECT_THAT(f.headers().all("X-Forwarded-Proto"), ElementsAre("http"));
  EXPECT_FALSE(f.headers().has("Grip-Feature"));
}

// ---- names

TEST(HeaderKind, LooksAtTheWholeName) {
  for (const std::string_view name : {"", "T", "T-E", "Hosts", "X-Host", "Gripe", "Grip", "X-Forwarded-Foo", "X-Forwarded-Proto-X",
                                      "CDN-Loops", "eb9bf0f5", "Connections", "Content-Type", "Accept", "Upgrade-Insecure-Requests"}) {
    EXPECT_EQ(header_kind(name), HeaderKind::other) << name;
  }
  EXPECT_EQ(header_kind("HOST"), HeaderKind::host);
  EXPECT_EQ(header_kind("gRIP-x"), HeaderKind::grip);
}

// ---- judge

TEST(Judge, AValidTokenOfTheUpstreamKeyMakesTrust) {
  ProxyOptions options;
  options.upstream_key = "upkey";
  const auto rules = *ForwardRules::make(options);
  const auto trusted = [&](const std::string& token) {
    RequestHead head;
    head.headers.add("grip-sig", token);
    return judge(rules, head, {}, kNow).trusted;
  };
  EXPECT_TRUE(trusted(SignatureKey::load("upkey")->sign("u", kNow)));
  EXPECT_FALSE(trusted(SignatureKey::load("bad")->sign("u", kNow)));
  EXPECT_FALSE(trusted(SignatureKey::load("upkey")->sign("u", kNow - std::chrono::hours(2))));
  EXPECT_FALSE(trusted(""));
  EXPECT_FALSE(judge(rules, RequestHead(), {}, kNow).trusted);
}

TEST(Judge, NobodyIsTrustedWithoutAnUpstreamKey) {
  RequestHead head;
  head.headers.add("Grip-Sig", SignatureKey::load("changeme")->sign("u", kNow));
  EXPECT_FALSE(judge(*ForwardRules::make({}), head, {}, kNow).trusted);
}

TEST(Judge, SecureIsTlsOrAnAcceptedHeader) {
  ProxyOptions accepting;
  accepting.accept_x_forwarded_proto = true;
  const auto secure = [](const ProxyOptions& options, std::vector<Headers::Field> fields, bool tls = false) {
    RequestHead head;
    for (const auto& [name, value] : fields) head.headers.add(name, value);
    return judge(*ForwardRules::make(options), head, {"192.0.2.7", tls}, kNow).secure;
  };
  EXPECT_TRUE(secure({}, {}, true));
  EXPECT_FALSE(secure({}, {{"X-Forwarded-Proto", "https"}}));
  EXPECT_TRUE(secure(accepting, {{"X-Forwarded-Proto", "HTTPS"}}));
  EXPECT_TRUE(secure(accepting, {{"X-Forwarded-Protocol", "wss"}}));
  EXPECT_FALSE(secure(accepting, {}));
  EXPECT_FALSE(secure(accepting, {{"X-Forwarded-Proto", "http"}}));
  EXPECT_FALSE(secure(accepting, {{"X-Forwarded-Proto", "https, http"}}));
  EXPECT_FALSE(secure(accepting, {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Proto", "http"}})) << "the client's own comes first";
  EXPECT_FALSE(secure(accepting, {{"X-Forwarded-Proto", "http"}, {"X-Forwarded-Protocol", "https"}}));
}

// ---- requests of the proxy's own, responses

TEST(LinkHead, CarriesHostTokenFeaturesAndLastIdsOnly) {
  Forwarding f;
  f.route.set_headers = {{"X-Injected", "1"}};
  f.route.path_begin = "/old/";
  f.route.replace_begin = "/new/";
  const auto head =
      link_head(f.rules(), f.route, f.target, nullptr, "GET", "app.test", "/old/next?x=1", {{"ch", "id-1"}, {"b\nad", "id"}}, kNow);
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/new/next?x=1");
  std::vector<std::string> names;
  for (const auto& [name, value] : head.headers) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("Host", "Grip-Sig", "Grip-Feature", "Grip-Last"));
  EXPECT_EQ(head.headers.get("Host"), "app.test");
  EXPECT_EQ(head.headers.get("Grip-Last"), "ch; last-id=id-1");
}

TEST(LinkHead, HostFollowsTheSameRulesAsForRequests) {
  Forwarding f;
  f.route.as_host = "as.example";
  EXPECT_EQ(link_head(f.rules(), f.route, f.target, nullptr, "POST", "app.test", "/", {}, kNow).headers.get("Host"), "as.example");
  f.target.host_header = "inner.example";
  EXPECT_EQ(link_head(f.rules(), f.route, f.target, nullptr, "POST", "app.test", "/", {}, kNow).headers.get("Host"), "inner.example");
}

TEST(StripResponseHead, TakesWhatIsOfTheBackendsConnection) {
  Headers headers;
  for (const auto* name :
       {"connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Content-Length", "Trailer", "Upgrade", "TE"}) {
    headers.add(name, "v");
  }
  headers.add("X-Stay", "1");
  headers.add("Content-Encoding", "gzip");
  headers.add("Grip-Hold", "stream");
  headers.add("Set-Cookie", "a");
  headers.add("Set-Cookie", "b");
  strip_response_head(headers);
  EXPECT_EQ(headers,
            make({{"X-Stay", "1"}, {"Content-Encoding", "gzip"}, {"Grip-Hold", "stream"}, {"Set-Cookie", "a"}, {"Set-Cookie", "b"}}));
}

// ---- options

TEST(ForwardedForRule, ReadsItsWords) {
  EXPECT_FALSE(parse_forwarded_for_rule("")->active);
  EXPECT_FALSE(parse_forwarded_for_rule("  ")->active);
  const auto both = parse_forwarded_for_rule(" truncate:12 , append");
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->active);
  EXPECT_TRUE(both->append);
  EXPECT_EQ(both->truncate, 12u);
  EXPECT_FALSE(parse_forwarded_for_rule("append")->truncate);
}

TEST(ForwardedForRule, RefusesAnythingElse) {
  for (const std::string_view text :
       {"prepend", "truncate", "truncate:", "truncate:-1", "truncate:x", "truncate:1 append", "append,", ",", "Append"}) {
    const auto rule = parse_forwarded_for_rule(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().kind, ErrorKind::invalid);
  }
}

TEST(ForwardRules, NameTheOptionThatIsWrong) {
  const auto error = [](auto change) {
    ProxyOptions options;
    change(options);
    const auto rules = ForwardRules::make(options);
    return rules ? std::string("none") : rules.error().text;
  };
  EXPECT_THAT(error([](auto& o) { o.x_forwarded_for = "nonsense"; }), StartsWith("proxy.x_forwarded_for: "));
  EXPECT_THAT(error([](auto& o) { o.x_forwarded_for_trusted = "nonsense"; }), StartsWith("proxy.x_forwarded_for_trusted: "));
  EXPECT_THAT(error([](auto& o) { o.orig_headers_need_mark = "X-Good, bad name"; }), StartsWith("proxy.orig_headers_need_mark: "));
  EXPECT_THAT(error([](auto& o) { o.cdn_loop = "a, b"; }), StartsWith("proxy.cdn_loop: "));
  EXPECT_THAT(error([](auto& o) { o.cdn_loop = "a\r\nX: y"; }), StartsWith("proxy.cdn_loop: "));
  EXPECT_THAT(error([](auto& o) { o.signature_key = "base64:???"; }), StartsWith("proxy.signing.key: "));
  EXPECT_THAT(error([](auto& o) { o.upstream_key = "file:/nowhere/at/all"; }), StartsWith("proxy.upstream_key: "));
  EXPECT_EQ(error([](auto&) {}), "none");
}

TEST(ProxyOptions, AreDeclaredWithTheirChecks) {
  OptionSet set;
  ProxyOptions options;
  declare(set, options);
  EXPECT_EQ(set.options().size(), 12u);
  for (const std::string_view key :
       {"signing.issuer", "signing.key", "upstream_key", "debug", "auto_cross_origin", "accept_x_forwarded_proto", "set_x_forwarded_proto",
        "x_forwarded_for", "x_forwarded_for_trusted", "orig_headers_need_mark", "accept_route_header", "cdn_loop"}) {
    EXPECT_NE(set.find("proxy." + std::string(key)), nullptr) << key;
  }
  for (const std::string_view key : {"proxy.signing.key", "proxy.upstream_key"}) EXPECT_TRUE(set.find(key)->is_secret) << key;
  EXPECT_EQ(set.find("proxy.x_forwarded_for")->extra_check("append"), "");
  EXPECT_NE(set.find("proxy.x_forwarded_for")->extra_check("appendix"), "");
  EXPECT_EQ(set.find("proxy.signing.key")->extra_check("secret"), "");
  EXPECT_NE(set.find("proxy.signing.key")->extra_check("base64:???"), "");
}

}  // namespace
}  // namespace holdfast
