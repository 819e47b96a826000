#pragma once

#include "control/http/handler.h"
#include "control/service.h"

namespace holdfast::control {

// What operators ask of all nodes, as JSON:
//   GET  /v1/nodes
//   GET  /v1/channels?prefix=P&limit=N       GET /v1/channels/NAME (percent-encoded)
//   POST /v1/connections/ID/refresh          POST /v1/connections/ID/disconnect
// Faults are application/problem+json (RFC 9457). Threads: any.
Answer answer_operation(const Request& request, const Caller& caller, Service& service);

}  // namespace holdfast::control
