#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/api.h"
#include "control/caller.h"
#include "control/grpc/options.h"
#include "gateway/base/metrics.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// What start() would refuse before it binds: an address other than loopback whose callers nobody knows, certificates that cannot be read.
Result<void> check(const GrpcOptions& options, bool knows_callers);

// holdfast.control.v1.Control over gRPC, with grpc.health.v1 and reflection. Threads: gRPC's own and a bounded pool for what waits; start
// and stop belong to one thread. The API must outlive stop().
class GrpcDoor {
 public:
  // Who asks: of the `authorization` field's value (empty: none), and of the common name and the alternative names of the certificate that
  // TLS has verified. Errors: denied, for UNAUTHENTICATED.
  using Authenticate = std::function<Result<Caller>(std::string_view authorization, const std::vector<std::string>& certificate_names,
                                                    std::string_view peer)>;
  struct Wiring {
    Authenticate authenticate;
    bool knows_callers = false;   // `authenticate` turns strangers away
    std::function<bool()> ready;  // what health tells; asked on a thread of the door
  };

  GrpcDoor(GrpcOptions options, Api& api, Wiring wiring, Metrics& metrics);
  ~GrpcDoor();

  // Errors: an address other than loopback whose callers nobody knows; unreadable certificates; the address cannot be had.
  Result<void> start();
  uint16_t port() const;  // the bound port; 0 before start
  // Ends streams and watches, lets calls under way answer, for two seconds at most. Twice is harmless.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::control
