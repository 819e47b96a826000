#pragma once

#include <functional>
#include <optional>

#include "control/auth/authenticator.h"
#include "control/http/handler.h"
#include "control/http/status_facts.h"
#include "control/http/status_pads.h"
#include "gateway/message/item_json.h"

namespace holdfast::control {

// A page for people on the admin listener:
//   GET  /                the page: HTML, styles and script in one, nothing from elsewhere
//   GET  /status.json     what it shows
//   POST /status/publish  its pad: a publish request's JSON, answered in JSON
//   GET  /status/items    what came on a channel since the page asked last
//
// The listener asks nobody who comes, so without credentials there are numbers only. Names of channels and the pad are for callers of the
// control doors, as far as their rights go, and for everybody on a loopback address; the pad asks for a token there as well once the
// control door has some, as that door does. A page of somebody else's in the same browser gets nothing by that: it cannot send the pad's
// content type and header without being asked (CORS), and one that had its own name point here (DNS rebinding) is known by its Host.
// Threads: any number at once.
class StatusPage {
 public:
  StatusPage(const StatusSources& sources, bool loopback, Metrics& metrics, std::function<Readiness()> readiness)
      : service_(*sources.service),
        pads_(service_, clock_),
        facts_(sources, metrics, std::move(readiness)),
        authenticator_(*sources.authenticator),
        loopback_(loopback) {}

  // nullopt: not one of its paths.
  std::optional<Answer> answer(const Request& request);

 private:
  // Who brought credentials that hold; nullopt: nobody.
  std::optional<Caller> caller_of(const Request& request) const;
  bool is_local(const Request& request) const;
  Answer facts(const Request& request) const;
  Answer items(const Request& request);
  Answer publish(const Request& request);
  Answer needs_token() const;

  Service& service_;
  const SystemClock clock_;
  StatusPads pads_;
  const StatusFacts facts_;
  Authenticator& authenticator_;
  const bool loopback_;
};

// Whether a Host field names this machine's loopback and nothing that a name server could have said.
bool is_loopback_host(std::string_view host);

}  // namespace holdfast::control
