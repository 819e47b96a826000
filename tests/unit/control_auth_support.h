#pragma once

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <unistd.h>

#include "control/auth/key_ring.h"
#include "gateway/base/text.h"

namespace holdfast::control {

// A file that goes with the test.
class KeyFile {
 public:
  explicit KeyFile(const std::string& content) {
    char name[] = "/tmp/holdfast-keys-XXXXXX";
    ::close(::mkstemp(name));
    path = name;
    write(content);
  }
  ~KeyFile() { std::remove(path.c_str()); }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  void write(const std::string& content) const { std::ofstream(path) << content; }
  std::string path;
};

inline std::string hmac(const std::string& secret, const std::string& text) {
  std::array<unsigned char, 32> out{};
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       out.data(), nullptr);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

// A pair of keys that signs, as an issuer elsewhere does.
class SigningKey {
 public:
  static SigningKey rsa(unsigned bits = 2048) { return SigningKey(EVP_RSA_gen(bits)); }
  static SigningKey ec(const char* curve = "P-256") { return SigningKey(EVP_EC_gen(curve)); }

  std::string public_pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), BIO_free_all);
    PEM_write_bio_PUBKEY(out.get(), key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<size_t>(size)};
  }

  std::string sign(const std::string& text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    size_t size = 0;
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    EVP_DigestSign(context.get(), nullptr, &size, data, text.size());
    std::string out(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, data, text.size());
    out.resize(size);
    return EVP_PKEY_is_a(key_.get(), "EC") == 1 ? side_by_side(out) : out;
  }

  // A member of a JWK set.
  std::string jwk(const std::string& kid) const {
    const std::string begin = "{\"kid\":\"" + kid + "\",";
    if (EVP_PKEY_is_a(key_.get(), "RSA") == 1)
      return begin + R"("kty":"RSA","use":"sig","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" + number(OSSL_PKEY_PARAM_RSA_E) +
             "\"}";
    return begin + R"("kty":"EC","crv":"P-256","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" +
           number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + "\"}";
  }

 private:
  explicit SigningKey(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {}

  std::string number(const char* name, int size = 0) const {
    BIGNUM* raw = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &raw);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(raw, BN_free);
    std::string out(static_cast<size_t>(size > 0 ? size : BN_num_bytes(raw)), '\0');
    BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
    return base64url_encode(out);
  }
  static std::string side_by_side(const std::string& der) {
    const auto* data = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> both(d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())),
                                                                     ECDSA_SIG_free);
    std::string out(64, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(both.get()), to, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(both.get()), to + 32, 32);
    return out;
  }

  std::shared_ptr<EVP_PKEY> key_;
};

// "HEADER.CLAIMS" of two JSON texts.
inline std::string unsigned_token(const std::string& header, const std::string& claims) {
  return base64url_encode(header) + "." + base64url_encode(claims);
}
inline std::string token(const std::string& header, const std::string& claims, const SigningKey& key) {
  const std::string text = unsigned_token(header, claims);
  return text + "." + base64url_encode(key.sign(text));
}
inline std::string token(const std::string& header, const std::string& claims, const std::string& secret) {
  const std::string text = unsigned_token(header, claims);
  return text + "." + base64url_encode(hmac(secret, text));
}

}  // namespace holdfast::control
