#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "control/auth/authenticator.h"
#include "control/http/options.h"
#include "control/service.h"
#include "gateway/base/metrics.h"
#include "gateway/base/result.h"
#include "gateway/broker/durability.h"

namespace holdfast::control {

// What start() would refuse before it binds. `asks`: whether anybody is known (Authenticator::asks).
Result<void> check(const HttpControlOptions& options, bool asks);

class Fleet;
class GapLog;

// The publish door over HTTP. Threads: its own; start and stop belong to one thread. The service and the authenticator, whose
// keys are loaded, must outlive stop().
class HttpServer {
 public:
  HttpServer(HttpControlOptions options, Service& service, Authenticator& authenticator, Metrics& metrics,
             Durability durability = Durability::process);
  ~HttpServer();

  // Errors: an address other than loopback where nobody is asked, without allow_anonymous; the address cannot be had.
  Result<void> start();
  uint16_t port() const;  // the bound port; 0 before start
  // Reads the certificates again, for new connections. Errors: `invalid`; the old ones stay in use.
  Result<void> reload_tls();
  // Lets requests under way answer and joins every thread. Twice is harmless.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Readiness {
  bool ready = true;
  std::string reason;  // why not
  std::string part;    // what is to blame, in a word that /readyz?exclude= takes: "broker"; empty: cannot be left out
};

// Where the status page gets what it shows. All of it outlives the server's stop().
struct StatusSources {
  Service* service;
  NodeFacts* node;
  Fleet* fleet;
  const GapLog* gaps;
  Authenticator* authenticator;
  std::string broker;  // its type
};

// GET /metrics, /livez and /readyz, and the status page. Threads: as HttpServer; `readiness` is called on its threads.
class AdminServer {
 public:
  AdminServer(AdminOptions options, Metrics& metrics, std::function<Readiness()> readiness);
  ~AdminServer();
  // Before start. `control`: its tokens open the page's private parts.
  void set_page(StatusSources sources);

  // Errors: unreadable tokens; the address cannot be had.
  Result<void> start();
  uint16_t port() const;
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::control
