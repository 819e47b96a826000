#include "control/grpc/credentials.h"

#include <fstream>
#include <iterator>

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

namespace holdfast::control {
namespace {

namespace experimental = grpc::experimental;

constexpr unsigned kSecondsBetweenLooks = 5;

Result<void> check_file(const char* option, const std::string& path) {
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open()) return invalid("control.grpc.tls." + std::string(option) + ": cannot read " + path);
  if (text.find("-----BEGIN ") == std::string::npos) return invalid("control.grpc.tls." + std::string(option) + ": " + path + " is no PEM");
  return {};
}

}  // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> make_credentials(const GrpcOptions::Tls& tls) {
  if (tls.cert.empty() && tls.key.empty() && tls.client_ca.empty()) return grpc::InsecureServerCredentials();
  if (tls.cert.empty() || tls.key.empty()) return invalid("control.grpc.tls: cert and key go together");
  if (auto good = check_file("cert", tls.cert); !good) return fail(good.error());
  if (auto good = check_file("key", tls.key); !good) return fail(good.error());
  if (!tls.client_ca.empty()) {
    if (auto good = check_file("client_ca", tls.client_ca); !good) return fail(good.error());
  }
  experimental::TlsServerCredentialsOptions options(
      std::make_shared<experimental::FileWatcherCertificateProvider>(tls.key, tls.cert, tls.client_ca, kSecondsBetweenLooks));
  options.watch_identity_key_cert_pairs();
  if (!tls.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return experimental::TlsServerCredentials(options);
}

}  // namespace holdfast::control
