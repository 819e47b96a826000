#pragma once

#include <cstdint>
#include <string>

#include "gateway/base/clock.h"
#include "gateway/base/options.h"

namespace holdfast::control {

// The control API over gRPC. Safe as it stands: loopback only. On any other address it wants to know its callers, or a clear word that
// nobody else gets there.
struct GrpcOptions {
  std::string address = "127.0.0.1:5562";
  bool allow_anonymous = false;
  uint64_t max_message = 4'000'000;
  int64_t max_items = 1000;
  int64_t max_streams = 100;
  int64_t max_watches = 256;
  Duration keepalive_time = std::chrono::seconds(60);
  Duration min_ping_interval = std::chrono::seconds(10);
  struct Tls {
    std::string cert, key, client_ca;
  } tls;
};
void declare(OptionSet& set, GrpcOptions& options);  // section "control.grpc"

}  // namespace holdfast::control
