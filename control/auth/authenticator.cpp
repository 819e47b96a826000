#include "control/auth/authenticator.h"

#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

tl::unexpected<Error> refuse(std::string text) { return fail(ErrorKind::denied, std::move(text)); }

}  // namespace

Authenticator::Authenticator(AuthOptions options, const Clock& clock, Metrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      refused_(metrics.counter("holdfast_control_unauthenticated_total",
                               "Requests to the control side without credentials, or with wrong ones.")),
      ring_(std::make_shared<const KeyRing>()) {}

Result<void> Authenticator::load() {
  auto loaded = KeyRing::load(options_);
  if (!loaded) return fail(loaded.error());
  const std::lock_guard lock(mutex_);
  ring_ = std::move(*loaded);
  return {};
}

std::shared_ptr<const KeyRing> Authenticator::ring() const {
  const std::lock_guard lock(mutex_);
  return ring_;
}

bool Authenticator::asks() const { return !ring()->empty(); }

Result<Caller> Authenticator::authenticate(std::string_view authorization, const std::vector<std::string>& certificate_names,
                                           std::string_view door, std::string_view peer) {
  const auto keys = ring();
  if (keys->empty()) return Caller::anybody();
  auto caller = look_up(*keys, authorization, certificate_names);
  if (!caller) {
    refused_.add();
    audit_.refused(peer, "authenticate", door, caller.error().text);
  }
  return caller;
}

Result<Caller> Authenticator::look_up(const KeyRing& ring, std::string_view authorization,
                                      const std::vector<std::string>& certificate_names) const {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.empty() && !certificate_names.empty()) return ring.by_certificate(certificate_names);
  if (authorization.empty()) return refuse("a bearer token is needed");
  if (!istarts_with(authorization, kScheme)) return refuse("a bearer token is needed, and no other scheme");
  return ring.by_token(trim(authorization.substr(kScheme.size())), clock_.wall());
}

std::string bearer_challenge(const Error& error, bool sent) {
  std::string out = "Bearer realm=\"holdfast\"";
  if (sent) out += ", error=\"invalid_token\", error_description=\"" + error.text + "\"";
  return out;
}

}  // namespace holdfast::control
