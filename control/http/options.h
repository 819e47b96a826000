#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/http/tls_stream.h"
#include "gateway/base/clock.h"
#include "gateway/base/options.h"

namespace holdfast::control {

// The publish door. Safe as it stands: loopback only. On any other address it wants to know its callers (auth/options.h), or a clear word
// that nobody else gets there.
struct HttpControlOptions {
  std::string address = "127.0.0.1:5561";
  TlsFiles tls;
  std::string client_certificates = "optional";
  bool allow_anonymous = false;
  uint64_t max_body = 1'000'000;
  uint64_t max_head = 16'384;
  int64_t max_items = 1000;
  int64_t max_threads = 64;
  int64_t max_connections = 1024;
  int64_t max_watches = 256;
  Duration idle_timeout = std::chrono::seconds(30);
  Duration request_timeout = std::chrono::seconds(10);
};
void declare(OptionSet& set, HttpControlOptions& options);

// Metrics, health and the status page. Shows no secrets to those without a token, so that probes and scrapers may reach it from other
// machines.
struct AdminOptions {
  std::string address = "127.0.0.1:7998";
  bool page = true;
};
void declare(OptionSet& set, AdminOptions& options);

}  // namespace holdfast::control
