#include "control/http/server.h"

#include <optional>

#include "control/http/address.h"
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
          .idle = options.idle_timeout,
          .request = options.request_timeout};
}

Result<Tokens> checked_tokens(const HttpControlOptions& options, const ListenAddress& address) {
  auto tokens = Tokens::load(options.tokens, options.token_file);
  if (!tokens || address.loopback || !tokens->empty() || options.allow_anonymous) return tokens;
  return fail(ErrorKind::denied, "control.http.address " + options.address +
                                     " can be reached from other machines, and everybody there could publish: set control.http.token_file, "
                                     "listen on 127.0.0.1, or set control.http.allow_anonymous: true if only trusted machines get there");
}

}  // namespace

Result<void> check(const HttpControlOptions& options) {
  const auto address = parse_listen_address(options.address);
  if (!address) return invalid("control.http.address: " + address.error().text);
  if (auto tokens = checked_tokens(options, *address); !tokens) return fail(tokens.error());
  return {};
}

// Order of members: the listener stops before what it uses goes.
struct HttpServer::State {
  HttpControlOptions options;
  Service& service;
  Metrics& metrics;
  std::optional<ControlDoor> door = {};
  std::optional<Listener> listener = {};
};

HttpServer::HttpServer(HttpControlOptions options, Service& service, Metrics& metrics)
    : state_(new State{.options = std::move(options), .service = service, .metrics = metrics}) {}
HttpServer::~HttpServer() { stop(); }

Result<void> HttpServer::start() {
  const HttpControlOptions& options = state_->options;
  const auto address = parse_listen_address(options.address);
  if (!address) return invalid("control.http.address: " + address.error().text);
  auto tokens = checked_tokens(options, *address);
  if (!tokens) return fail(tokens.error());

  ItemLimits limits;
  limits.max_items = static_cast<size_t>(options.max_items);
  state_->door.emplace(state_->service, *std::move(tokens), options.max_body, limits);
  state_->listener.emplace(*state_->door, limits_of(options), state_->metrics, "http");
  return state_->listener->start(*address);
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
  HttpControlOptions control = {};
  std::optional<StatusPage> page = {};
  std::optional<Listener> listener = {};
};

AdminServer::AdminServer(AdminOptions options, Metrics& metrics, std::function<Readiness()> readiness)
    : state_(new State{.options = std::move(options), .metrics = metrics, .readiness = readiness, .door = AdminDoor(metrics, readiness)}) {}
AdminServer::~AdminServer() { stop(); }

void AdminServer::set_page(StatusSources sources, HttpControlOptions control) {
  state_->sources = std::move(sources);
  state_->control = std::move(control);
}

Result<void> AdminServer::start() {
  const auto address = parse_listen_address(state_->options.address);
  if (!address) return invalid("metrics.address: " + address.error().text);
  if (state_->sources && state_->options.page) {
    auto tokens = Tokens::load(state_->control.tokens, state_->control.token_file);
    if (!tokens) return fail(tokens.error());
    state_->page.emplace(*state_->sources, *std::move(tokens), address->loopback, state_->metrics, state_->readiness);
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
