#include "control/auth/authenticator.h"
#include "tests/unit/control_auth_support.h"

namespace holdfast::control {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const std::string kSecret = "a secret of thirty-two characters";
const std::string kHs = R"({"alg":"HS256","typ":"JWT"})";
const std::string kEs = R"({"alg":"ES256","typ":"JWT"})";
const std::string kRs = R"({"alg":"RS256","typ":"JWT"})";

class AuthJwt : public testing::Test {
 protected:
  int64_t now() const { return std::chrono::floor<seconds>(clock_.wall().time_since_epoch()).count(); }
  // {"iss":"realm","exp":in an hour} and more.
  std::string claims(const std::string& more = "", int64_t lifetime = 3600, const std::string& issuer = "realm") const {
    return R"({"iss":")" + issuer + R"(","exp":)" + std::to_string(now() + lifetime) + more + "}";
  }
  static std::shared_ptr<const KeyRing> ring(std::vector<IssuerOptions> issuers) {
    auto loaded = KeyRing::load({.issuers = std::move(issuers)});
    EXPECT_TRUE(loaded) << loaded.error().text;
    return loaded ? *loaded : nullptr;
  }
  Result<Caller> ask(const KeyRing& ring, const std::string& token) const { return ring.by_token(token, clock_.wall()); }
  // What is said to a token that is refused; "" if it is not.
  std::string refusal(const KeyRing& ring, const std::string& token) const {
    const auto caller = ask(ring, token);
    if (caller) return {};
    EXPECT_EQ(caller.error().kind, ErrorKind::denied);
    return caller.error().text;
  }

  ManualClock clock_;
};

TEST_F(AuthJwt, ATokenAsGripLibrariesMakeItMayPublish) {
  const auto text = ring({{.issuer = "realm", .secret = kSecret}});
  const auto caller = ask(*text, token(kHs, claims(), kSecret));
  ASSERT_TRUE(caller) << caller.error().text;
  EXPECT_EQ(caller->name, "realm");
  EXPECT_TRUE(caller->may_publish("anything"));
  EXPECT_FALSE(caller->may_read("anything"));
  EXPECT_FALSE(caller->operate);
  EXPECT_TRUE(caller->until);
  const auto binary = ring({{.issuer = "realm", .secret = "base64:" + base64_encode(kSecret)}});
  EXPECT_TRUE(ask(*binary, token(kHs, claims(), kSecret)));
}

TEST_F(AuthJwt, EachAlgorithmIsVerifiedWithItsKeyFromAFile) {
  const auto rsa = SigningKey::rsa(), ec = SigningKey::ec();
  const KeyFile rsa_file(rsa.public_pem()), ec_file(ec.public_pem()), secret_file(kSecret + "\n");
  const std::string rights = R"(,"sub":"billing","holdfast":{"publish":["bill/"],"read":["bill/","news"]})";
  for (const auto& [path, made] : {std::pair{rsa_file.path, token(kRs, claims(rights), rsa)},
                                   {ec_file.path, token(kEs, claims(rights), ec)},
                                   {secret_file.path, token(kHs, claims(rights), kSecret)}}) {
    const auto caller = ask(*ring({{.issuer = "realm", .key_file = path}}), made);
    ASSERT_TRUE(caller) << caller.error().text;
    EXPECT_EQ(caller->name, "billing");
    EXPECT_EQ(caller->publish, std::vector<std::string>{"bill/"});
    EXPECT_EQ(caller->read, (std::vector<std::string>{"bill/", "news"}));
  }
}

TEST_F(AuthJwt, ABadTokenIsRefusedAndSaysWhy) {
  const auto rsa = SigningKey::rsa(), other = SigningKey::rsa();
  const KeyFile file(rsa.public_pem());
  const auto here = ring({{.issuer = "realm", .audience = "holdfast", .key_file = file.path, .default_rights = "publish"}});
  const std::string aud = R"(,"aud":"holdfast")";
  const auto at = [&](int64_t seconds) { return std::to_string(now() + seconds); };
  const std::string good = token(kRs, claims(aud), rsa);
  ASSERT_EQ(refusal(*here, good), "");
  ASSERT_EQ(refusal(*here, token(kRs, claims(R"(,"aud":["x","holdfast"])"), rsa)), "");
  const std::string text = unsigned_token(R"({"alg":"none"})", claims(aud));
  const struct {
    std::string token, reason;
  } cases[] = {
      {token(kRs, claims(aud, -61), rsa), "the token has expired"},
      {token(kRs, claims(aud, 3700), rsa), "the token lives longer than max_lifetime allows"},
      {token(kRs, R"({"iss":"realm","aud":"holdfast"})", rsa), "the token has no exp"},
      {token(kRs, R"({"iss":"realm","aud":"holdfast","exp":"tomorrow"})", rsa), "the token's exp has a wrong type"},
      {token(kRs, R"({"iss":"realm","aud":"holdfast","exp":1e300})", rsa), "the token lives longer than max_lifetime allows"},
      {token(kRs, claims(aud + ",\"nbf\":" + at(61)), rsa), "the token is not valid yet"},
      {token(kRs, claims(aud + ",\"iat\":" + at(61)), rsa), "the token's iat lies in the future"},
      {token(kRs, claims(aud + ",\"iat\":" + at(-7200)), rsa), "the token lives longer than max_lifetime allows"},
      {token(kRs, claims(R"(,"aud":"elsewhere")"), rsa), "the token is for another audience"},
      {token(kRs, claims(R"(,"aud":["holdfast2","hold"])"), rsa), "the token is for another audience"},
      {token(kRs, claims(R"(,"aud":7)"), rsa), "the token's aud has a wrong type"},
      {token(kRs, claims(), rsa), "the token has no aud"},
      {token(kRs, claims(aud, 60, "realm2"), rsa), "the token's issuer is not known here"},
      {token(kRs, claims(aud, 60, "REALM"), rsa), "the token's issuer is not known here"},
      {token(kRs, claims(aud), other), "the token's signature is wrong"},
      {text + ".", "no key here is for the token's algorithm"},
      {text + "." + base64url_encode("x"), "no key here is for the token's algorithm"},
      {unsigned_token(kRs, claims(aud)) + ".", "the token's signature is wrong"},
      // The public key is no secret, and no HMAC with it is a signature.
      {token(kHs, claims(aud), rsa.public_pem()), "no key here is for the token's algorithm"},
      {token(R"({"alg":"RS256","crit":["x"],"x":1})", claims(aud), rsa), "the token has extensions that are not understood here"},
      {token(R"({"alg":"rs256"})", claims(aud), rsa), "no key here is for the token's algorithm"},
      {token(R"({"typ":"JWT"})", claims(aud), rsa), "the token names no algorithm"},
      {token(R"({"alg":"RS256","kid":7})", claims(aud), rsa), "the token's kid is no text"},
      {token(R"(["RS256"])", claims(aud), rsa), "the token is not made of JSON objects"},
      {token(kRs, "7", rsa), "the token is not made of JSON objects"},
      {token(kRs, claims(aud + R"(,"holdfast":"all")"), rsa), "the token's holdfast claim has a wrong type"},
      {token(kRs, claims(aud + R"(,"holdfast":{"publish":"all"})"), rsa), "the token's holdfast claim has a wrong type"},
      {token(kRs, claims(aud + R"(,"holdfast":{"operate":"yes"})"), rsa), "the token's holdfast claim has a wrong type"},
      {good + "x", "the token is not in base64url"},
      {good + ".", "the token is not known here"},
      {"..", "the token is not made of JSON objects"},
      {"", "the token is not known here"},
      {"garbage", "the token is not known here"},
      {"a b.c.d", "the token is not in base64url"},
      {std::string(9000, 'x'), "the token is too long"},
      {token(kRs, claims(aud + R"(,"sub":")" + std::string(300, 's') + "\""), rsa), "the token's iss or sub is too long"},
  };
  for (const auto& c : cases) EXPECT_EQ(refusal(*here, c.token), c.reason) << c.token.substr(0, 300);
  // Any bit of a good token that is changed makes it a bad one.
  for (size_t i = 0; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(refusal(*here, bad), "") << i;
  }
}

TEST_F(AuthJwt, ClocksMayDifferByTheLeeway) {
  const auto here = ring({{.secret = kSecret, .leeway = seconds(10)}});
  EXPECT_EQ(refusal(*here, token(kHs, claims("", -9), kSecret)), "");
  EXPECT_EQ(refusal(*here, token(kHs, claims("", -10), kSecret)), "the token has expired");
  EXPECT_EQ(refusal(*here, token(kHs, claims("", 3610), kSecret)), "");
  EXPECT_EQ(refusal(*here, token(kHs, claims("", 3611), kSecret)), "the token lives longer than max_lifetime allows");
  EXPECT_EQ(refusal(*ring({{.secret = kSecret, .max_lifetime = hours(24)}}), token(kHs, claims("", 80'000), kSecret)), "");
}

TEST_F(AuthJwt, ATokenWithAnAudienceIsNotForOneWhoHasNoName) {
  EXPECT_EQ(refusal(*ring({{.secret = kSecret}}), token(kHs, claims(R"(,"aud":"x")"), kSecret)), "the token is for another audience");
}

TEST_F(AuthJwt, TheKidChoosesAmongTheKeysOfASet) {
  const auto old = SigningKey::ec(), fresh = SigningKey::ec(), rsa = SigningKey::rsa();
  const KeyFile file(R"({"keys":[)" + old.jwk("old") + "," + fresh.jwk("fresh") + "," + rsa.jwk("rsa") + "]}");
  const auto here = ring({{.issuer = "realm", .jwks_file = file.path, .default_rights = "publish"}});
  const auto head = [](const std::string& alg, const std::string& kid) { return R"({"alg":")" + alg + R"(","kid":")" + kid + "\"}"; };
  EXPECT_EQ(refusal(*here, token(head("ES256", "old"), claims(), old)), "");
  EXPECT_EQ(refusal(*here, token(head("ES256", "fresh"), claims(), fresh)), "");
  EXPECT_EQ(refusal(*here, token(head("ES256", "fresh"), claims(), old)), "the token's signature is wrong");
  EXPECT_EQ(refusal(*here, token(head("ES256", "gone"), claims(), old)), "the token's kid is not known here");
  EXPECT_EQ(refusal(*here, token(head("RS256", "old"), claims(), rsa)), "the token's algorithm is not its key's");
  EXPECT_EQ(refusal(*here, token(kRs, claims(), rsa)), "");  // the only one of its kind
  EXPECT_EQ(refusal(*here, token(kEs, claims(), old)), "the token names no kid, and there are several keys");
}

TEST_F(AuthJwt, TwoIssuersWithOneKidKeepTheirKeysApart) {
  const auto one = SigningKey::ec(), two = SigningKey::ec();
  const KeyFile first(R"({"keys":[)" + one.jwk("k") + "]}"), second(R"({"keys":[)" + two.jwk("k") + "]}");
  const auto here = ring({{.issuer = "one", .jwks_file = first.path, .default_rights = "publish", .publish = {"one/"}},
                          {.issuer = "two", .jwks_file = second.path, .default_rights = "publish", .publish = {"two/"}}});
  const std::string head = R"({"alg":"ES256","kid":"k"})";
  EXPECT_EQ(ask(*here, token(head, claims("", 60, "one"), one))->publish, std::vector<std::string>{"one/"});
  EXPECT_EQ(ask(*here, token(head, claims("", 60, "two"), two))->publish, std::vector<std::string>{"two/"});
  EXPECT_EQ(refusal(*here, token(head, claims("", 60, "one"), two)), "the token's signature is wrong");
  EXPECT_EQ(refusal(*here, token(head, claims("", 60, "two"), one)), "the token's signature is wrong");
}

TEST_F(AuthJwt, CallersOfDifferentIssuersAreNeverCountedAsOne) {
  const auto here = ring({{.issuer = "a_b", .secret = kSecret}, {.issuer = "a", .secret = kSecret}, {.secret = kSecret}});
  const auto identity = [&](const std::string& issuer, const std::string& subject) {
    return ask(*here, token(kHs, claims(R"(,"sub":")" + subject + "\"", 60, issuer), kSecret))->identity;
  };
  EXPECT_NE(identity("a_b", "c"), identity("a", "b_c"));
  EXPECT_NE(identity("a_b", ""), identity("a", "_b"));
  EXPECT_NE(identity("x_b", "c"), identity("x", "_bc"));  // both of the entry that takes any issuer
  EXPECT_EQ(identity("a", "c"), identity("a", "c"));
}

TEST_F(AuthJwt, NoClaimGoesBeyondWhatTheIssuerMayGive) {
  const auto here = ring({{.secret = kSecret, .publish = {"app/", "x"}, .read = {}}});
  const auto caller = [&](const std::string& rights) { return *ask(*here, token(kHs, claims(",\"holdfast\":" + rights), kSecret)); };
  EXPECT_EQ(caller(R"({"publish":["app/a","other","xy"]})").publish, (std::vector<std::string>{"app/a", "xy"}));
  EXPECT_EQ(caller(R"({"publish":[""]})").publish, (std::vector<std::string>{"app/", "x"}));
  EXPECT_EQ(caller(R"({"publish":["ap"]})").publish, std::vector<std::string>{"app/"});
  EXPECT_TRUE(caller(R"({})").publish.empty());
  EXPECT_TRUE(caller(R"({"read":[""]})").read.empty());
  EXPECT_FALSE(caller(R"({"operate":true})").operate);
  const auto operators = ring({{.secret = kSecret, .operate = true}});
  EXPECT_TRUE(ask(*operators, token(kHs, claims(R"(,"holdfast":{"operate":true})"), kSecret))->operate);
  EXPECT_FALSE(ask(*operators, token(kHs, claims(), kSecret))->operate);
}

TEST_F(AuthJwt, WhatATokenWithoutClaimsMayDo) {
  const auto ec = SigningKey::ec();
  const KeyFile file(ec.public_pem());
  const auto caller = [&](const std::string& rights) {
    return *ask(*ring({{.key_file = file.path, .default_rights = rights, .operate = true}}), token(kEs, claims(), ec));
  };
  EXPECT_FALSE(caller("").may_publish("x"));  // whoever has an account there is no publisher yet
  EXPECT_FALSE(caller("none").may_publish("x"));
  EXPECT_TRUE(caller("publish").may_publish("x"));
  EXPECT_FALSE(caller("publish").may_read("x"));
  EXPECT_TRUE(caller("all").may_read("x"));
  EXPECT_TRUE(caller("all").operate);
}

TEST_F(AuthJwt, KeysThatCannotServeAreNamed) {
  const KeyFile weak(SigningKey::rsa(1024).public_pem()), curve(SigningKey::ec("P-384").public_pem()),
      broken("-----BEGIN PUBLIC KEY-----\nxx"), empty(""), no_set("{}"),
      twice(R"({"keys":[)" + SigningKey::ec().jwk("a") + "," + SigningKey::ec().jwk("a") + "]}"),
      off_curve(R"({"keys":[{"kty":"EC","crv":"P-256","x":")" + base64url_encode(std::string(32, 'x')) + R"(","y":")" +
                base64url_encode(std::string(32, 'y')) + R"("}]})"),
      exponent_one(R"({"keys":[{"kty":"RSA","n":")" + base64url_encode(std::string(256, '\xff')) + R"(","e":"AQ"}]})"),
      useless(R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"xx"},{"kty":"EC","crv":"P-256","use":"enc","x":"x","y":"y"}]})"),
      private_key("-----BEGIN PRIVATE KEY-----\n");
  const struct {
    IssuerOptions options;
    const char* text;
  } cases[] = {
      {{.where = "here"}, "here: needs one of secret, key_file and jwks_file"},
      {{.where = "here", .secret = kSecret, .key_file = "x"}, "here: needs one of secret, key_file and jwks_file"},
      {{.where = "here", .secret = "short"}, "here: secret: the secret is shorter than 16 bytes"},
      {{.where = "here", .secret = "base64:%%%"}, "here: secret: what follows base64: is no base64"},
      {{.where = "here", .key_file = "/nowhere"}, "here: key_file: /nowhere cannot be read"},
      {{.where = "here", .key_file = empty.path}, "here: key_file: the secret is shorter than 16 bytes"},
      {{.where = "here", .key_file = weak.path}, "here: key_file: an RSA key of less than 2048 bits"},
      {{.where = "here", .key_file = curve.path}, "here: key_file: an EC key of another curve than P-256"},
      {{.where = "here", .key_file = broken.path}, "here: key_file: no PUBLIC KEY in PEM"},
      {{.where = "here", .key_file = private_key.path}, "here: key_file: a private key: only the public one belongs here"},
      {{.where = "here", .jwks_file = empty.path}, ": no JSON"},
      {{.where = "here", .jwks_file = no_set.path}, "no JWK set"},
      {{.where = "here", .jwks_file = twice.path}, "keys[1]: its kid is another key's too"},
      {{.where = "here", .jwks_file = off_curve.path}, "keys[0]: no point of P-256"},
      {{.where = "here", .jwks_file = exponent_one.path}, "keys[0]: not a sound public key"},
      {{.where = "here", .jwks_file = useless.path}, "none of its keys can check RS256, ES256 or HS256"},
  };
  for (const auto& c : cases) {
    const auto loaded = KeyRing::load({.issuers = {c.options}});
    ASSERT_FALSE(loaded) << c.text;
    EXPECT_NE(loaded.error().text.find(c.text), std::string::npos) << loaded.error().text;
  }
}

}  // namespace
}  // namespace holdfast::control
