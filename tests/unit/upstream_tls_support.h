#pragma once

#include <cstdio>
#include <filesystem>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "upstream_support.h"

namespace holdfast::upstream_test {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

// An authority and one certificate for "backend.test" and 127.0.0.1, in a folder of their own.
class Certificates {
 public:
  Certificates() {
    char folder[] = "/tmp/upstream_tls_XXXXXX";
    folder_ = ::mkdtemp(folder);
    const Key ca_key = make_key();
    const Certificate ca = make("Test CA", *ca_key, "Test CA", *ca_key, "critical,CA:TRUE", nullptr);
    const Key key = make_key();
    const Certificate leaf = make("backend.test", *key, "Test CA", *ca_key, "critical,CA:FALSE", "DNS:backend.test,IP:127.0.0.1");
    write(ca_file(), [&](FILE* file) { PEM_write_X509(file, ca.get()); });
    write(cert_file(), [&](FILE* file) { PEM_write_X509(file, leaf.get()); });
    write(key_file(), [&](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }

  std::string ca_file() const { return folder_ + "/ca.pem"; }
  std::string cert_file() const { return folder_ + "/cert.pem"; }
  std::string key_file() const { return folder_ + "/key.pem"; }

 private:
  static Key make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

  static void extend(X509& certificate, X509V3_CTX& context, int id, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
    X509_add_ext(&certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  static Certificate make(const char* subject, EVP_PKEY& key, const char* issuer, EVP_PKEY& issuer_key, const char* constraints,
                          const char* names) {
    Certificate out(X509_new(), X509_free);
    X509_set_version(out.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), names != nullptr ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), 3600);
    X509_set_pubkey(out.get(), &key);
    const auto add = [](X509_NAME* to, const char* text) {
      X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(text), -1, -1, 0);
    };
    add(X509_get_subject_name(out.get()), subject);
    add(X509_get_issuer_name(out.get()), issuer);
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, out.get(), out.get(), nullptr, nullptr, 0);
    extend(*out, context, NID_basic_constraints, constraints);
    if (names != nullptr) extend(*out, context, NID_subject_alt_name, names);
    X509_sign(out.get(), &issuer_key, EVP_sha256());
    return out;
  }

  template <class Write>
  static void write(const std::string& path, Write how) {
    FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    how(file);
    std::fclose(file);
  }

  std::string folder_;
};

// The server's end of a TLS connection, blocking.
class TlsPeer {
 public:
  TlsPeer(Peer peer, const Certificates& certificates)
      : peer_(std::move(peer)), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    SSL_CTX_use_certificate_chain_file(context_.get(), certificates.cert_file().c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), certificates.key_file().c_str(), SSL_FILETYPE_PEM);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), peer_.socket());
    accepted_ = SSL_accept(ssl_.get()) == 1;
  }
  bool accepted() const { return accepted_; }
  std::string server_name() const {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
  }

  std::string read_head() {
    std::string out;
    char buffer[4096];
    while (accepted_ && out.find("\r\n\r\n") == std::string::npos) {
      const int got = SSL_read(ssl_.get(), buffer, sizeof buffer);
      if (got <= 0) return "";
      out.append(buffer, static_cast<size_t>(got));
    }
    return out;
  }
  void send(const std::string& text) {
    if (accepted_) SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }
  void answer(const std::string& body) { send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body); }
  void say_goodbye() { SSL_shutdown(ssl_.get()); }
  void close() { peer_.close(); }

 private:
  Peer peer_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool accepted_ = false;
};

}  // namespace holdfast::upstream_test
