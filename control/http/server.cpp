#include "control/http/server.h"

#include <optional>

#include "control/address.h"
#include "control/http/admin_door.h"
#include "control/http/control_door.h"
#include "control/http/listener.h"
#include "control/http/status_page.h"

namespace holdfast::control {
namespace {

// Scrapers and probes are few; a full door must not be what makes a node look dead.
constexpr ListenerLimits kAdminLimits{.head = 16'384, .threads = 8, .connections = 256};

ListenerLimits limits_of(const HttpControlOptions& options) {
  return {.head = options.max_head,
          .threads = static_cast<size_t>(options.max_threads),
          .connections = static_cast<size_t>(options.max_connections),
          .streams = static_cast<size_t>(options.max_watches),
          .idle = options.idle_timeout,
          .request = options.request_timeout};
}

// Whether an address may be opened with nobody being asked.
Result<void> reach_of(const HttpControlOptions& options, const ListenAddress& address, bool asks) {
  if (address.loopback || asks || options.allow_anonymous) return {};
  return fail(ErrorKind::denied, "control.http.address " + options.address +
                                     " can be reached from other machines, and everybody there could publish: set "
                                     "control.http.token_file, control.auth.callers or control.auth.jwt, "
                                     "listen on 127.0.0.1, or set control.http.allow_anonymous: true if only trusted machines get there");
}

}  // namespace

Result<void> check(const HttpControlOptions& options, bool asks) {
  const auto address = parse_listen_address(options.address);
  if (!address) return invalid("control.http.address: " + address.error().text);
  return reach_of(options, *address, asks);
}

// Order of members: the listener stops before what it uses goes.
struct HttpServer::State {
  HttpControlOptions options;
  Service& service;
  Authenticator& authenticator;
  Metrics& metrics;
  Durability durability;
  std::optional<TlsAcceptor> tls = {};
  std::optional<ControlDoor> door = {};
  std::optional<Listener> listener = {};
};

HttpServer::HttpServer(HttpControlOptions options, Service& service, Authenticator& authenticator, Metrics& metrics, Durability durability)
    : state_(new State{.options = std::move(options),
                       .service = service,
                       .authenticator = authenticator,
                       .metrics = metrics,
                       .durability = durability}) {}
HttpServer::~HttpServer() { stop(); }

Result<void> HttpServer::start() {
  const HttpControlOptions& options = state_->options;
  const auto address = parse_listen_address(options.address);
  if (!address) return invalid("control.http.address: " + address.error().text);
  if (auto safe = reach_of(options, *address, state_->authenticator.asks()); !safe) return safe;

  if (options.tls.any()) {
    TlsFiles files = options.tls;
    files.client_required = options.client_certificates == "required";
    state_->tls.emplace(std::move(files));
    if (auto loaded = reload_tls(); !loaded) return loaded;
  }
  ItemLimits limits;
  limits.max_items = static_cast<size_t>(options.max_items);
  state_->door.emplace(state_->service, state_->authenticator, options.max_body, limits, state_->durability);
  state_->listener.emplace(*state_->door, limits_of(options), state_->metrics, "http", state_->tls ? &*state_->tls : nullptr);
  return state_->listener->start(*address);
}

Result<void> HttpServer::reload_tls() {
  if (!state_->tls) return {};
  if (auto loaded = state_->tls->load(); !loaded) return invalid("control.http.tls: " + loaded.error().text);
  return {};
}

uint16_t HttpServer::port() const { return state_->listener ? state_->listener->port() : 0; }

void HttpServer::stop() {
  if (state_->listener) state_->listener->stop();
}

struct AdminServer::State {
  AdminOptions options;
  Metrics& metrics;
  std::function<Readiness()> readiness;
  AdminDoor door;
  std::optional<StatusSources> sources = {};
  std::optional<StatusPage> page = {};
  std::optional<Listener> listener = {};
};

AdminServer::AdminServer(AdminOptions options, Metrics& metrics, std::function<Readiness()> readiness)
    : state_(new State{.options = std::move(options), .metrics = metrics, .readiness = readiness, .door = AdminDoor(metrics, readiness)}) {}
AdminServer::~AdminServer() { stop(); }

void AdminServer::set_page(StatusSources sources) { state_->sources = std::move(sources); }

Result<void> AdminServer::start() {
  const auto address = parse_listen_address(state_->options.address);
  if (!address) return invalid("metrics.address: " + address.error().text);
  if (state_->sources && state_->options.page) {
    state_->page.emplace(*state_->sources, address->loopback, state_->metrics, state_->readiness);
    state_->door.set_page(&*state_->page);
  }
  state_->listener.emplace(state_->door, kAdminLimits, state_->metrics, "admin");
  return state_->listener->start(*address);
}

uint16_t AdminServer::port() const { return state_->listener ? state_->listener->port() : 0; }

void AdminServer::stop() {
  if (state_->listener) state_->listener->stop();
}

}  // namespace holdfast::control
