#include "redis_certificates.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace holdfast::broker_test {

Authority::Authority() {
  char folder[] = "/tmp/holdfast-ca-XXXXXX";
  if (::mkdtemp(folder) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = folder;
  run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=testca -keyout ca.key -out ca.crt");
}

Authority::~Authority() { std::filesystem::remove_all(folder_); }

void Authority::run(const std::string& words) const {
  if (std::system(("cd " + folder_ + " && openssl " + words + " 2>>log").c_str()) != 0) throw std::runtime_error("openssl " + words);
}

Authority::Signed Authority::sign(const std::string& names) {
  const std::string own = "own" + std::to_string(++signed_);
  run("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + own + " -keyout " + own + ".key -out " + own + ".csr");
  std::ofstream(folder_ + "/" + own + ".ext") << "subjectAltName=" << names << "\n";
  run("x509 -req -days 2 -in " + own + ".csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile " + own + ".ext -out " + own + ".crt");
  return {folder_ + "/" + own + ".crt", folder_ + "/" + own + ".key"};
}

std::vector<std::string> tls_options(const std::string& port, const Authority& authority, const Authority::Signed& own,
                                     const std::string& auth_clients) {
  return {"--tls-port",         port,        "--tls-cert-file",    own.certificate,
          "--tls-key-file",     own.key,     "--tls-ca-cert-file", authority.certificate(),
          "--tls-auth-clients", auth_clients};
}

}  // namespace holdfast::broker_test
