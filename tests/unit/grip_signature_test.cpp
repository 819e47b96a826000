#include <fstream>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "gateway/base/text.h"
#include "gateway/grip/signature.h"
#include "tests/unit/grip_signature_keys.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr WallTime kNow{seconds(1'700'000'000)};
constexpr WallTime kExpiry{seconds(1'700'003'600)};

SignatureKey key(std::string_view text) {
  auto loaded = SignatureKey::load(text);
  EXPECT_TRUE(loaded) << loaded.error().text;
  return loaded.value_or(SignatureKey());
}

std::string error_of(std::string_view text) {
  auto loaded = SignatureKey::load(text);
  EXPECT_FALSE(loaded);
  if (loaded) return "";
  EXPECT_EQ(loaded.error().kind, ErrorKind::invalid);
  return loaded.error().text;
}

// A file in the test's folder that goes away with it.
class KeyFile {
 public:
  explicit KeyFile(std::string_view content) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = testing::TempDir() + "holdfast_" + test->name() + "_" + std::to_string(::getpid());
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~KeyFile() { std::remove(path_.c_str()); }
  std::string text() const { return "file:" + path_; }

 private:
  std::string path_;
};

TEST(Signature, ASharedSecretSignsIssAndExpAndNothingElse) {
  EXPECT_EQ(key("changeme").sign("pushpin", kNow), test::kHsExactToken);
  EXPECT_EQ(key("changeme").sign("pushpin", kNow + std::chrono::milliseconds(999)), test::kHsExactToken);
}

TEST(Signature, ASecretMayBeOneByte) {
  const SignatureKey short_key = key("k");
  EXPECT_TRUE(short_key.verify(short_key.sign("u", kNow), kNow));
  EXPECT_FALSE(key("l").verify(short_key.sign("u", kNow), kNow));
}

TEST(Signature, Base64KeysAreDecoded) {
  EXPECT_EQ(key("base64:Y2hhbmdlbWU=").sign("pushpin", kNow), test::kHsExactToken);
  const SignatureKey with_zeros = key("base64:AAEAAg==");
  EXPECT_TRUE(with_zeros.verify(with_zeros.sign("u", kNow), kNow));
  EXPECT_FALSE(key("base64:AAEAAw==").verify(with_zeros.sign("u", kNow), kNow));
}

TEST(Signature, TokensOfOneSecondAndIssuerAreTheSame) {
  const SignatureKey ec = key(test::kEcPrivate);  // ES256 is not deterministic: a token made twice would differ
  const std::string token = ec.sign("a", kNow);
  EXPECT_EQ(ec.sign("a", kNow + std::chrono::milliseconds(400)), token);
  EXPECT_NE(ec.sign("b", kNow), token);
  EXPECT_EQ(SignatureKey(ec).sign("a", kNow), token);
  EXPECT_NE(ec.sign("a", kNow + seconds(1)), token);
}

TEST(Signature, ManyIssuersGetTokensOfTheirOwn) {
  const SignatureKey hs = key("changeme");
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(hs.verify(hs.sign("issuer" + std::to_string(i), kNow), kNow));
  EXPECT_EQ(hs.sign("pushpin", kNow), test::kHsExactToken);
}

TEST(Signature, ManyThreadsMaySignAtOnce) {
  const SignatureKey hs = key("changeme");
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 200; ++n) good[i] += hs.verify(hs.sign("u", kNow + seconds(n % 3)), kNow);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(good, testing::Each(200));
}

TEST(Signature, WithoutAKeyOrAnIssuerThereIsNoToken) {
  EXPECT_TRUE(SignatureKey().empty());
  EXPECT_EQ(SignatureKey().sign("u", kNow), "");
  EXPECT_FALSE(SignatureKey().verify(test::kHsToken, kNow));
  EXPECT_TRUE(key("").empty());
  EXPECT_FALSE(key("").can_sign());
  EXPECT_FALSE(key("changeme").empty());
  EXPECT_EQ(key("changeme").sign("", kNow), "");
}

TEST(Signature, AnotherImplementationsTokensVerify) {
  EXPECT_TRUE(key("changeme").verify(test::kHsToken, kNow));
  EXPECT_TRUE(key(test::kEcPublic).verify(test::kEsToken, kNow));
  EXPECT_TRUE(key(test::kRsaPublic).verify(test::kRsToken, kNow));
}

TEST(Signature, PrivateKeysSignWhatTheirPublicKeysVerify) {
  for (std::string_view ec : {test::kEcPrivate, test::kEcPrivateSec1}) {
    EXPECT_TRUE(key(test::kEcPublic).verify(key(ec).sign("u", kNow), kNow));
    EXPECT_FALSE(key(test::kRsaPublic).verify(key(ec).sign("u", kNow), kNow));
  }
  for (std::string_view rsa : {test::kRsaPrivate, test::kRsaPrivatePkcs1}) {
    EXPECT_TRUE(key(test::kRsaPublic).verify(key(rsa).sign("u", kNow), kNow));
    EXPECT_FALSE(key(test::kEcPublic).verify(key(rsa).sign("u", kNow), kNow));
  }
}

TEST(Signature, EachHalfOfAPairDoesItsOwnJobOnly) {
  EXPECT_TRUE(key("changeme").can_sign());
  EXPECT_TRUE(key("changeme").can_verify());
  EXPECT_TRUE(key(test::kEcPrivate).can_sign());
  EXPECT_FALSE(key(test::kEcPrivate).can_verify());
  EXPECT_FALSE(key(test::kEcPrivate).verify(test::kEsToken, kNow));
  EXPECT_FALSE(key(test::kRsaPublic).can_sign());
  EXPECT_TRUE(key(test::kRsaPublic).can_verify());
  EXPECT_EQ(key(test::kRsaPublic).sign("u", kNow), "");
}

TEST(Signature, ExpiryIsMeasuredByTheGivenTime) {
  const SignatureKey hs = key("changeme");
  EXPECT_TRUE(hs.verify(test::kHsToken, kExpiry - std::chrono::milliseconds(1)));
  EXPECT_FALSE(hs.verify(test::kHsToken, kExpiry));
  EXPECT_FALSE(hs.verify(test::kHsToken, kExpiry + seconds(1)));
  EXPECT_FALSE(key(test::kRsaPublic).verify(test::kRsToken, kExpiry));
  EXPECT_FALSE(key(test::kEcPublic).verify(test::kEsToken, kExpiry));
  EXPECT_TRUE(hs.verify(test::kFractionExpToken, kNow));
  EXPECT_FALSE(hs.verify(test::kFractionExpToken, kNow + std::chrono::milliseconds(600)));
}

TEST(Signature, ExpMustBeThereAndANumber) {
  const SignatureKey hs = key("changeme");
  for (std::string_view token : {test::kNoExpToken, test::kTextExpToken, test::kNullExpToken, test::kHugeExpToken, test::kPayloadArrayToken,
                                 test::kPayloadNotJsonToken})
    EXPECT_FALSE(hs.verify(token, kNow)) << token;
}

TEST(Signature, TheAlgorithmIsTheKeysWhateverTheTokenSays) {
  const SignatureKey hs = key("changeme");
  for (std::string_view token : {test::kHs512Token, test::kNoAlgToken, test::kLowerCaseAlgToken, test::kHeaderNotJsonToken,
                                 test::kHeaderArrayToken, test::kAlgNotTextToken, test::kNoneToken, test::kRsToken, test::kEsToken})
    EXPECT_FALSE(hs.verify(token, kNow)) << token;
}

TEST(Signature, NoneIsNoAlgorithm) {
  const std::string head = base64url_encode(R"({"alg":"none"})") + "." + base64url_encode(R"({"iss":"u","exp":1700003600})") + ".";
  for (std::string_view text : {std::string_view("changeme"), test::kRsaPublic, test::kEcPublic}) {
    EXPECT_FALSE(key(text).verify(head, kNow));
    EXPECT_FALSE(key(text).verify(head + "AAAA", kNow));
  }
  EXPECT_FALSE(SignatureKey().verify(head, kNow));
}

TEST(Signature, APublicKeyIsNoSecret) {
  EXPECT_FALSE(key(test::kRsaPublic).verify(test::kHsByRsaPublicToken, kNow));
  EXPECT_FALSE(key(test::kEcPublic).verify(test::kHsByEcPublicToken, kNow));
  // Nor when it comes by another way than as text.
  EXPECT_FALSE(key("base64:" + base64_encode(test::kRsaPublic)).verify(test::kHsByRsaPublicToken, kNow));
  EXPECT_TRUE(key("base64:" + base64_encode(test::kRsaPublic)).verify(test::kRsToken, kNow));
}

TEST(Signature, ExtensionsThatMustBeUnderstoodAreNot) { EXPECT_FALSE(key("changeme").verify(test::kCriticalToken, kNow)); }

TEST(Signature, AnyChangedCharacterIsNoticed) {
  const struct {
    std::string_view key, token;
  } cases[] = {{"changeme", test::kHsToken}, {test::kEcPublic, test::kEsToken}, {test::kRsaPublic, test::kRsToken}};
  for (const auto& [text, token] : cases) {
    const SignatureKey with = key(text);
    for (size_t i = 0; i < token.size(); ++i) {
      std::string changed(token);
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(with.verify(changed, kNow)) << i;
    }
  }
}

TEST(Signature, CutAndPaddedTokensAreRefused) {
  const SignatureKey hs = key("changeme");
  const std::string token(test::kHsToken);
  for (size_t size = 0; size < token.size(); ++size) EXPECT_FALSE(hs.verify(token.substr(0, size), kNow)) << size;
  for (const std::string& other : {token + "A", token + "=", token + ".", token + " ", " " + token, "." + token, token + "\n",
                                   token + "." + token, token + std::string(1, '\0'), token + std::string("\0A", 2)})
    EXPECT_FALSE(hs.verify(other, kNow)) << other;
}

TEST(Signature, GarbageIsRefused) {
  for (std::string_view text : {std::string_view("changeme"), test::kRsaPublic, test::kEcPublic}) {
    const SignatureKey with = key(text);
    for (const std::string& token :
         {std::string(), std::string("."), std::string(".."), std::string("..."), std::string("a.b.c"), std::string("\xff\xfe.\0.", 5),
          std::string(10'000'000, 'a'), std::string(1000, '.'), std::string("e30.e30.e30"), std::string("bnVsbA.bnVsbA.bnVsbA")})
      EXPECT_FALSE(with.verify(token, kNow));
  }
}

TEST(Signature, AnIssuerThatIsNotUtf8IsNotSigned) { EXPECT_EQ(key("changeme").sign("\xff", kNow), ""); }

TEST(SignatureFile, HoldsASecret) {
  const KeyFile secret("changeme\n");
  EXPECT_EQ(key(secret.text()).sign("pushpin", kNow), test::kHsExactToken);
}

TEST(SignatureFile, HoldsAPem) {
  const KeyFile pem(test::kRsaPublic);
  EXPECT_TRUE(key(pem.text()).verify(test::kRsToken, kNow));
  EXPECT_FALSE(key(pem.text()).verify(test::kHsByRsaPublicToken, kNow));
}

TEST(SignatureFile, OnlyOneNewlineAtItsEndIsDropped) {
  const KeyFile windows("changeme\r\n");
  EXPECT_EQ(key(windows.text()).sign("pushpin", kNow), test::kHsExactToken);
  const KeyFile two("changeme\n\n");
  EXPECT_NE(key(two.text()).sign("pushpin", kNow), test::kHsExactToken);
}

TEST(SignatureFile, ErrorsNameThePath) {
  EXPECT_THAT(error_of("file:/nowhere/key"), HasSubstr("/nowhere/key cannot be opened: No such file"));
  EXPECT_THAT(error_of("file:/"), HasSubstr("the key file / "));
  EXPECT_THAT(error_of("file:"), HasSubstr("cannot be opened"));
  const KeyFile empty("");
  EXPECT_THAT(error_of(empty.text()), HasSubstr(empty.text().substr(5) + " is empty"));
}

TEST(SignatureFile, LargeOnesAreRefused) {
  const KeyFile large(std::string(100'000, 'x'));
  EXPECT_THAT(error_of(large.text()), HasSubstr("is too large"));
}

TEST(SignatureFile, ADamagedPemNamesThePath) {
  const KeyFile damaged("-----BEGIN PUBLIC KEY-----\n");
  EXPECT_THAT(error_of(damaged.text()), HasSubstr(damaged.text().substr(5) + ": the PEM text has no key"));
}

TEST(SignatureKeyText, MistakesAreNamed) {
  const std::string pem(test::kEcPrivate);
  const std::pair<std::string, std::string_view> cases[] = {
      {"base64:?", "what follows base64: in the key is not base64"},
      {"base64:", "nothing follows base64:"},
      {std::string(test::kP384Private), "not on the curve P-256"},
      {std::string(test::kP384Public), "not on the curve P-256"},
      {std::string(test::kSecp256k1Private), "not on the curve P-256"},
      {std::string(test::kRsa1024Private), "less than 2048 bits"},
      {std::string(test::kRsa1024Public), "less than 2048 bits"},
      {std::string(test::kEd25519Private), "neither RSA nor EC"},
      {std::string(test::kEd25519Public), "neither RSA nor EC"},
      {std::string(test::kEcEncrypted), "encrypted"},
      {std::string(test::kRsaEncryptedPkcs1), "encrypted"},
      {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "has no key"},
      {"-----BEGIN ", "has no key"},
      {"-----BEGIN PRIVATE KEY-----\n", "has no key"},
      {"-----BEGIN PRIVATE KEY-----\n-----END PUBLIC KEY-----\n", "has no key"},
      {"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "damaged"},
      {"-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----\n", "damaged"},
      {"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", "damaged"},
      {"-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n", "damaged"},
      {"-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n", "damaged"},
  };
  for (const auto& [text, fault] : cases) EXPECT_THAT(error_of(text), HasSubstr(fault)) << text;
}

TEST(SignatureKeyText, ErrorsNeverShowTheKey) {
  EXPECT_THAT(error_of("base64:SECRET?"), testing::Not(HasSubstr("SECRET")));
  EXPECT_THAT(error_of("-----BEGIN SECRET-----"), testing::Not(HasSubstr("SECRET")));
}

TEST(SignatureKeyText, APrivateKeyThatCannotSignIsRefused) {
  // In order as far as the modulus and the public exponent, with nothing behind them.
  const std::string modulus = "\x02\x82\x01\x01" + std::string(1, '\0') + std::string(256, '\xff');
  const std::string inner = std::string("\x02\x01\0", 3) + modulus + std::string("\x02\x03\x01\0\x01", 5);
  const std::string der = "\x30\x82\x01" + std::string(1, static_cast<char>(inner.size() - 256)) + inner;
  const std::string pem = "-----BEGIN RSA PRIVATE KEY-----\n" + base64_encode(der) + "\n-----END RSA PRIVATE KEY-----\n";
  EXPECT_THAT(error_of(pem), HasSubstr("the private key does not sign"));
}

TEST(SignatureKeyText, LeadingRemarksAndWindowsLinesAreAllowed) {
  std::string text = "Bag Attributes\r\n  friendlyName: x\r\n";
  for (char c : test::kEcPublic) {
    if (c == '\n') text += '\r';
    text += c;
  }
  EXPECT_TRUE(key(text).verify(test::kEsToken, kNow));
}

TEST(SignatureKeyText, EveryCutOfAPemIsRefused) {
  for (std::string_view pem : {test::kEcPrivate, test::kEcPublic, test::kRsaPublic, test::kEcPrivateSec1}) {
    for (size_t size = pem.find('\n'); size + 2 < pem.size(); ++size) EXPECT_FALSE(SignatureKey::load(pem.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace holdfast
