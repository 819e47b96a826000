#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/api/api.h"
#include "control/http/handler.h"

namespace holdfast::control {

// The JSON mapping of holdfast.control.v1.Control under /v1/; openapi.json has every path. Faults are application/problem+json (RFC 9457).
// Threads: any.
class Operations {
 public:
  Operations(Api& api, uint64_t max_body) : api_(api), max_body_(max_body) {}

  Answer answer(const Request& request, const Caller& caller) const;

 private:
  // A request that has found its operation.
  struct Call {
    const Request& request;
    const Caller& caller;
    std::string name;  // the one that the path holds, decoded
    std::map<std::string, std::string> query;
  };
  struct Route;

  Answer publish(const Call& call) const;
  Answer nodes(const Call& call) const;
  Answer channels(const Call& call) const;
  Answer channel(const Call& call) const;
  Answer items(const Call& call) const;
  Answer connections(const Call& call) const;
  Answer refresh(const Call& call) const;
  Answer disconnect(const Call& call) const;
  Answer drain(const Call& call) const;
  Answer recover(const Call& call) const;
  Answer openapi(const Call& call) const;

  Api& api_;
  const uint64_t max_body_;
};

}  // namespace holdfast::control
