#include "control/auth/verify_key.h"

#include <array>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

namespace holdfast::control {
namespace {

constexpr size_t kShortestSecret = 16;
constexpr int kFewestRsaBits = 2048;  // RFC 7518 section 3.3
constexpr size_t kCoordinate = 32;
constexpr size_t kDigest = 32;

template <class T, void (*free)(T*)>
struct Freed {
  void operator()(T* it) const { free(it); }
};
template <class T, void (*free)(T*)>
using Owned = std::unique_ptr<T, Freed<T, free>>;
using Number = Owned<BIGNUM, BN_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using Params = Owned<OSSL_PARAM, OSSL_PARAM_free>;
using ParamsBuilder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using EcSignature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// An error that is left in OpenSSL's queue would be taken for one of the next connection of this thread.
tl::unexpected<Error> wrong(std::string text) {
  ERR_clear_error();
  return invalid(std::move(text));
}

Number number(std::string_view big_endian) { return Number(BN_bin2bn(bytes(big_endian), static_cast<int>(big_endian.size()), nullptr)); }

Key key_of(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* raw = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
  if (EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) return nullptr;
  return Key(raw);
}

// Nobody types a passphrase here.
int no_passphrase(char*, int, int, void*) { return -1; }

// JWS has the two numbers side by side, OpenSSL wants them in DER. Empty: not of that size.
std::string der_of(std::string_view signature) {
  if (signature.size() != 2 * kCoordinate) return {};
  Number r = number(signature.substr(0, kCoordinate)), s = number(signature.substr(kCoordinate));
  const EcSignature both(ECDSA_SIG_new());
  if (!r || !s || !both || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return {};
  // They are its own now.
  [[maybe_unused]] const auto* kept_r = r.release();
  [[maybe_unused]] const auto* kept_s = s.release();
  unsigned char* raw = nullptr;
  const int size = i2d_ECDSA_SIG(both.get(), &raw);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(raw), static_cast<size_t>(size));
  OPENSSL_free(raw);
  return der;
}

}  // namespace

struct VerifyKey::State {
  std::string secret;
  Key key;
  bool is_rsa = false;
};

Result<VerifyKey> VerifyKey::secret(std::string bytes) {
  if (bytes.size() < kShortestSecret) return invalid("the secret is shorter than 16 bytes");
  auto state = std::make_shared<State>();
  state->secret = std::move(bytes);
  return VerifyKey(std::move(state));
}

Result<VerifyKey> VerifyKey::pem(const std::string& text) {
  if (text.find("PRIVATE KEY-----") != std::string::npos) return invalid("a private key: only the public one belongs here");
  const Owned<BIO, BIO_free_all> source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  auto state = std::make_shared<State>();
  if (source) state->key.reset(PEM_read_bio_PUBKEY(source.get(), nullptr, no_passphrase, nullptr));
  if (!state->key) return wrong("no PUBLIC KEY in PEM");
  return of_state(std::move(state));
}

Result<VerifyKey> VerifyKey::rsa(const std::string& modulus, const std::string& exponent) {
  const Number n = number(modulus), e = number(exponent);
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return wrong("no RSA key");
  auto state = std::make_shared<State>();
  state->key = key_of("RSA", builder.get());
  if (!state->key) return wrong("no RSA key");
  return of_state(std::move(state));
}

Result<VerifyKey> VerifyKey::p256(const std::string& x, const std::string& y) {
  if (x.size() != kCoordinate || y.size() != kCoordinate) return invalid("coordinates of P-256 have 32 bytes");
  const std::string point = '\x04' + x + y;
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return wrong("no key of P-256");
  auto state = std::make_shared<State>();
  state->key = key_of("EC", builder.get());
  if (!state->key) return wrong("no point of P-256");
  return of_state(std::move(state));
}

Result<VerifyKey> VerifyKey::of_state(std::shared_ptr<State> state) {
  EVP_PKEY* key = state->key.get();
  std::array<char, 64> group{};
  state->is_rsa = EVP_PKEY_is_a(key, "RSA") == 1;
  if (state->is_rsa) {
    if (EVP_PKEY_get_bits(key) < kFewestRsaBits) return invalid("an RSA key of less than 2048 bits");
  } else if (EVP_PKEY_is_a(key, "EC") != 1) {
    return invalid("neither an RSA nor an EC key");
  } else if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1 || std::string_view(group.data()) != "prime256v1") {
    return wrong("an EC key of another curve than P-256");
  }
  const KeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  if (!context || EVP_PKEY_public_check(context.get()) != 1) return wrong("not a sound public key");
  return VerifyKey(std::move(state));
}

bool VerifyKey::is_secret() const { return !state_->key; }

std::string_view VerifyKey::algorithm() const { return is_secret() ? "HS256" : state_->is_rsa ? "RS256" : "ES256"; }

bool VerifyKey::verifies(std::string_view text, std::string_view signature) const {
  if (is_secret()) {
    std::array<unsigned char, kDigest> own{};
    unsigned size = 0;
    const auto& secret = state_->secret;
    if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes(text), text.size(), own.data(), &size) == nullptr)
      return false;
    return signature.size() == own.size() && CRYPTO_memcmp(own.data(), signature.data(), own.size()) == 0;
  }
  std::string der;
  if (!state_->is_rsa) {
    der = der_of(signature);
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const bool good = !signature.empty() && context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, state_->key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text), text.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace holdfast::control
