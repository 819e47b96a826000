#include "control/http/tls_stream.h"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace holdfast::control {

struct TlsAcceptor::Context {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> ssl{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
};

namespace {

tl::unexpected<Error> wrong(std::string text) {
  const unsigned long code = ERR_get_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return invalid(std::move(text) + (reason != nullptr ? std::string(": ") + reason : std::string()));
}

Result<void> take_own(SSL_CTX* context, const TlsFiles& files) {
  if (SSL_CTX_use_certificate_chain_file(context, files.cert.c_str()) != 1) return wrong("cert " + files.cert + " cannot be used");
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) return wrong("key " + files.key + " cannot be used");
  if (SSL_CTX_check_private_key(context) != 1) return wrong("key " + files.key + " does not belong to " + files.cert);
  return {};
}

Result<void> take_clients(SSL_CTX* context, const TlsFiles& files) {
  if (files.client_ca.empty()) return {};
  if (SSL_CTX_load_verify_locations(context, files.client_ca.c_str(), nullptr) != 1)
    return wrong("client_ca " + files.client_ca + " cannot be used");
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(files.client_ca.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (files.client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return {};
}

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<size_t>(ASN1_STRING_length(text))};
}

void add_common_names(X509* certificate, std::vector<std::string>& names) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    names.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

void add_alternative_names(X509* certificate, std::vector<std::string>& names) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)), GENERAL_NAMES_free);
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int kind = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &kind);
    if (kind == GEN_DNS || kind == GEN_URI || kind == GEN_EMAIL) names.push_back(text_of(static_cast<const ASN1_STRING*>(value)));
  }
}

class OpensslStream final : public TlsStream {
 public:
  OpensslStream(std::shared_ptr<TlsAcceptor::Context> context, int socket)
      : context_(std::move(context)), ssl_(SSL_new(context_->ssl.get()), SSL_free) {
    failed_ = !ssl_ || SSL_set_fd(ssl_.get(), socket) != 1;
    if (!failed_) SSL_set_accept_state(ssl_.get());
  }

  Outcome handshake() override {
    if (failed_) return Outcome::closed;
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    return done == 1 ? Outcome::done : refused(done);
  }
  Io read(char* into, size_t size) override {
    if (failed_) return {Outcome::closed};
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), into, static_cast<int>(std::min<size_t>(size, 1U << 30)));
    return got > 0 ? Io{Outcome::done, static_cast<size_t>(got)} : Io{refused(got)};
  }
  Io write(std::string_view bytes) override {
    if (failed_) return {Outcome::closed};
    ERR_clear_error();
    const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<size_t>(bytes.size(), 1U << 30)));
    return sent > 0 ? Io{Outcome::done, static_cast<size_t>(sent)} : Io{refused(sent)};
  }
  void close_notify() override {
    if (!failed_ && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  std::vector<std::string> peer_names() const override {
    std::vector<std::string> names;
    X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return names;
    add_common_names(certificate, names);
    add_alternative_names(certificate, names);
    return names;
  }

 private:
  Outcome refused(int result) {
    const int why = SSL_get_error(ssl_.get(), result);
    if (why == SSL_ERROR_WANT_READ) return Outcome::want_read;
    if (why == SSL_ERROR_WANT_WRITE) return Outcome::want_write;
    failed_ = why != SSL_ERROR_ZERO_RETURN;  // after such an error nothing more may be asked of it
    ERR_clear_error();
    return Outcome::closed;
  }

  std::shared_ptr<TlsAcceptor::Context> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool failed_ = false;
};

}  // namespace

Result<void> TlsAcceptor::load() {
  auto context = std::make_shared<Context>();
  SSL_CTX* ssl = context->ssl.get();
  if (ssl == nullptr) return wrong("TLS cannot be set up");
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A resumed session would bring the names of a certificate that the new client_ca may not know any more.
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ssl, 0);
  SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
  if (auto taken = take_own(ssl, files_); !taken) return taken;
  if (auto taken = take_clients(ssl, files_); !taken) return taken;
  const std::lock_guard lock(mutex_);
  context_ = std::move(context);
  return {};
}

std::unique_ptr<TlsStream> TlsAcceptor::accept(int socket) const {
  const std::lock_guard lock(mutex_);
  return std::make_unique<OpensslStream>(context_, socket);
}

}  // namespace holdfast::control
