#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "gateway/net/socket_stream.h"

namespace holdfast {

namespace {

class TlsStream final : public SocketStream {
 public:
  TlsStream(Loop& loop, int fd, const TlsContext& context, bool server)
      : SocketStream(loop, fd), context_(context.state()), ssl_(SSL_new(context_->certificates.front().context.get())) {
    SSL_set_fd(ssl_, fd);
    if (server) {
      SSL_set_accept_state(ssl_);
    } else {
      SSL_set_connect_state(ssl_);
    }
  }
  ~TlsStream() override { SSL_free(ssl_); }

  void verify_name(const std::string& name, bool verify) {
    const bool address = name.find_first_not_of("0123456789.") == std::string::npos || name.find(':') != std::string::npos;
    if (!address) SSL_set_tlsext_host_name(ssl_, name.c_str());
    if (!verify) {
      SSL_set_verify(ssl_, SSL_VERIFY_NONE, nullptr);
      return;
    }
    SSL_set_verify(ssl_, SSL_VERIFY_PEER, nullptr);
    if (address) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str());
    } else {
      SSL_set1_host(ssl_, name.c_str());
    }
  }

  Outcome read(char* into, size_t size) override {
    if (failed_) return {Io::error, 0};
    ERR_clear_error();
    const int got = SSL_read(ssl_, into, static_cast<int>(std::min<size_t>(size, 1U << 30)));
    if (got > 0) return {Io::done, static_cast<size_t>(got)};
    return refused(got);
  }

  Outcome write(const iovec* parts, size_t count) override {
    if (failed_) return {Io::error, 0};
    // One record instead of one per part. The buffer may move between tries (SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER).
    static thread_local char record[16384];
    const char* data = static_cast<const char*>(parts[0].iov_base);
    size_t size = parts[0].iov_len;
    if (count > 1 && size < sizeof record) {
      size = 0;
      for (size_t i = 0; i < count && size < sizeof record; ++i) {
        const size_t take = std::min(parts[i].iov_len, sizeof record - size);
        std::memcpy(record + size, parts[i].iov_base, take);
        size += take;
      }
      data = record;
    }
    ERR_clear_error();
    const int sent = SSL_write(ssl_, data, static_cast<int>(std::min<size_t>(size, 1U << 30)));
    if (sent > 0) return {Io::done, static_cast<size_t>(sent)};
    return refused(sent);
  }

  void shutdown_send() override {
    if (established_) SSL_shutdown(ssl_);
    ERR_clear_error();
    ::shutdown(fd_, SHUT_WR);
  }

 protected:
  bool established() override {
    if (established_ || failed_) return true;
    if (!writable_) return false;  // a connecting socket
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) {
      established_ = true;
      context_.reset();
      readable_ = true;  // bytes of the peer may be decrypted already
      return true;
    }
    const int why = SSL_get_error(ssl_, done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return false;
    failed_ = readable_ = writable_ = true;
    ERR_clear_error();
    return true;
  }

 private:
  Outcome refused(int result) {
    switch (SSL_get_error(ssl_, result)) {
      case SSL_ERROR_WANT_READ:
        readable_ = false;
        return {Io::again, 0};
      case SSL_ERROR_WANT_WRITE:
        writable_ = false;
        return {Io::again, 0};
      case SSL_ERROR_ZERO_RETURN:
        return {Io::closed, 0};
      default:
        ERR_clear_error();
        failed_ = true;
        return {Io::error, 0};
    }
  }

  std::shared_ptr<TlsContext::State> context_;  // the handshake's callbacks look into it; a reload may drop it
  SSL* ssl_;
  bool established_ = false;
  bool failed_ = false;
};

std::string openssl_error(const std::string& what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return what + (reason != nullptr ? std::string(": ") + reason : std::string());
}

Result<std::shared_ptr<SSL_CTX>> make_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return fail(ErrorKind::internal, openssl_error("TLS cannot be set up"));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

Result<void> load_certificate(SSL_CTX* context, const std::string& cert_file, const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) {
    return fail(ErrorKind::invalid, openssl_error("certificate " + cert_file + " cannot be used"));
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(ErrorKind::invalid, openssl_error("key " + key_file + " cannot be used"));
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorKind::invalid, openssl_error("key " + key_file + " does not belong to " + cert_file));
  }
  return {};
}

int choose_http1(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in, unsigned int in_length, void*) {
  static constexpr unsigned char kHttp1[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kHttp1, sizeof kHttp1 - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int choose_certificate(SSL* ssl, int*, void* arg) {
  const auto* state = static_cast<const TlsContext::State*>(arg);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_OK;
  for (const auto& certificate : state->certificates) {
    X509* x509 = SSL_CTX_get0_certificate(certificate.context.get());
    if (X509_check_host(x509, name, 0, 0, nullptr) == 1) {
      SSL_set_SSL_CTX(ssl, certificate.context.get());
      break;
    }
  }
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

TlsContext::TlsContext() : state_(std::make_shared<State>()) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const std::vector<TlsServerCertificate>& certificates) {
  if (certificates.empty()) return invalid("TLS needs at least one certificate");
  std::shared_ptr<TlsContext> made(new TlsContext);
  for (const auto& certificate : certificates) {
    auto context = make_context(TLS_server_method());
    if (!context) return fail(context.error());
    if (auto loaded = load_certificate(context->get(), certificate.cert_file, certificate.key_file); !loaded) return fail(loaded.error());
    SSL_CTX_set_alpn_select_cb(context->get(), choose_http1, nullptr);
    SSL_CTX_set_session_id_context(context->get(), reinterpret_cast<const unsigned char*>("holdfast"), 8);
    made->state_->certificates.push_back({*context});
  }
  SSL_CTX* first = made->state_->certificates.front().context.get();
  SSL_CTX_set_tlsext_servername_callback(first, choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(first, made->state_.get());
  return std::shared_ptr<const TlsContext>(std::move(made));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const std::string& ca_file, const std::string& cert_file,
                                                             const std::string& key_file) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  auto context = make_context(TLS_client_method());
  if (!context) return fail(context.error());
  const int trusted = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context->get())
                                      : SSL_CTX_load_verify_locations(context->get(), ca_file.c_str(), nullptr);
  if (trusted != 1) return fail(ErrorKind::invalid, openssl_error("CA file " + ca_file + " cannot be used"));
  if (!cert_file.empty()) {
    if (auto loaded = load_certificate(context->get(), cert_file, key_file); !loaded) return fail(loaded.error());
  }
  made->state_->certificates.push_back({*context});
  return std::shared_ptr<const TlsContext>(std::move(made));
}

std::unique_ptr<Stream> make_tls_server_stream(Loop& loop, int socket, const TlsContext& context) {
  return std::make_unique<TlsStream>(loop, socket, context, true);
}

std::unique_ptr<Stream> make_tls_client_stream(Loop& loop, int socket, const TlsContext& context, const std::string& server_name,
                                               bool verify) {
  auto stream = std::make_unique<TlsStream>(loop, socket, context, false);
  stream->verify_name(server_name, verify);
  return stream;
}

}  // namespace holdfast
