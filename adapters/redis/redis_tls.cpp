#include "adapters/redis/redis_tls.h"

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "adapters/redis/redis_options.h"

namespace holdfast {

namespace {

// The newest of OpenSSL's errors in this thread.
std::string last_error() {
  const unsigned long code = ::ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ::ERR_reason_error_string(code);
  ::ERR_clear_error();
  return reason == nullptr ? "unknown error" : reason;
}

tl::unexpected<Error> broken(const std::string& text) { return fail(ErrorKind::unavailable, "TLS: " + text); }

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

void RedisTls::Free::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }
void RedisTlsSession::Free::operator()(ssl_st* session) const { ::SSL_free(session); }

Result<std::shared_ptr<const RedisTls>> RedisTls::make(const RedisOptions& options) {
  if (!options.tls) return nullptr;
  auto tls = std::make_shared<RedisTls>();
  tls->server_name_ = options.tls_server_name;
  tls->context_.reset(::SSL_CTX_new(::TLS_client_method()));
  SSL_CTX* context = tls->context_.get();
  if (context == nullptr) return broken(last_error());
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.ca_file.empty()) {
    ::SSL_CTX_set_default_verify_paths(context);
  } else if (::SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
    return broken("ca_file " + options.ca_file + ": " + last_error());
  }
  if (!options.cert_file.empty() && ::SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1) {
    return broken("cert_file " + options.cert_file + ": " + last_error());
  }
  if (!options.key_file.empty() && ::SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return broken("key_file " + options.key_file + ": " + last_error());
  }
  return tls;
}

RedisTlsSession::RedisTlsSession(const RedisTls& tls, const std::string& host)
    : session_(::SSL_new(tls.context_.get())), in_(::BIO_new(::BIO_s_mem())), out_(::BIO_new(::BIO_s_mem())) {
  if (!session_ || in_ == nullptr || out_ == nullptr) throw std::bad_alloc();
  SSL* session = session_.get();
  ::SSL_set_bio(session, in_, out_);
  const std::string& name = tls.server_name_.empty() ? host : tls.server_name_;
  if (is_address(name)) {
    ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(session), name.c_str());
  } else {
    SSL_set_tlsext_host_name(session, name.c_str());
    ::SSL_set1_host(session, name.c_str());
  }
  ::SSL_set_connect_state(session);
  [[maybe_unused]] const auto begun = shake_hands();  // only says hello: no answer has come
}

Result<void> RedisTlsSession::shake_hands() {
  ::ERR_clear_error();
  const int result = ::SSL_do_handshake(session_.get());
  if (result == 1) {
    ready_ = true;
    if (!waiting_.empty()) write(std::exchange(waiting_, {}));
    return {};
  }
  if (::SSL_get_error(session_.get(), result) == SSL_ERROR_WANT_READ) return {};
  const long verified = ::SSL_get_verify_result(session_.get());
  if (verified != X509_V_OK) return broken(std::string("the server's certificate: ") + ::X509_verify_cert_error_string(verified));
  return broken(last_error());
}

void RedisTlsSession::write(std::string_view plain) {
  if (!ready_) {
    waiting_.append(plain);
    return;
  }
  // A memory buffer takes everything at once.
  size_t written = 0;
  if (!plain.empty()) ::SSL_write_ex(session_.get(), plain.data(), plain.size(), &written);
}

Result<void> RedisTlsSession::feed(std::string_view cipher, const Plain& plain) {
  ::BIO_write(in_, cipher.data(), static_cast<int>(cipher.size()));
  if (!ready_) {
    if (auto shaken = shake_hands(); !shaken) return shaken;
    if (!ready_) return {};
  }
  char buffer[16384];  // a record
  for (;;) {
    size_t count = 0;
    ::ERR_clear_error();
    const int result = ::SSL_read_ex(session_.get(), buffer, sizeof buffer, &count);
    if (result == 1) {
      if (auto taken = plain({buffer, count}); !taken) return taken;
      continue;
    }
    switch (::SSL_get_error(session_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {};
      case SSL_ERROR_ZERO_RETURN:
        return fail(ErrorKind::unavailable, "the server closed the connection");
      default:
        return broken(last_error());
    }
  }
}

void RedisTlsSession::take(std::string& cipher) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(out_, &data);
  if (size <= 0) return;
  cipher.append(data, static_cast<size_t>(size));
  BIO_reset(out_);
}

}  // namespace holdfast
