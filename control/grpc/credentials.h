#pragma once

#include <memory>

#include <grpcpp/security/server_credentials.h>

#include "control/grpc/options.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// What the door's connections are made of: plain, TLS, or TLS with a certificate of the caller. The files are read again when they change.
// Errors (invalid): a certificate without a key or the reverse, a file that cannot be read or is no PEM.
Result<std::shared_ptr<grpc::ServerCredentials>> make_credentials(const GrpcOptions::Tls& tls);

}  // namespace holdfast::control
