#include "control/http/options.h"

#include "control/address.h"

namespace holdfast::control {
namespace {

std::string wrong_address(std::string_view text) {
  if (text.empty()) return {};
  const auto address = parse_listen_address(text);
  return address ? std::string() : address.error().text;
}

}  // namespace

void declare(OptionSet& set, HttpControlOptions& o) {
  const OptionSet::Section section(set, "control.http");
  set.text("address", o.address, "Where publishers POST items, e.g. 127.0.0.1:5561 or [::1]:5561; empty: no such door.")
      .check(wrong_address);
  {
    const OptionSet::Section tls(set, "tls");
    set.path("cert", o.tls.cert,
             "Certificate with its chain (PEM); with it the door speaks TLS only. Read again when it changes, as all of tls.");
    set.path("key", o.tls.key, "Private key of that certificate (PEM).");
    set.path("client_ca", o.tls.client_ca, "Who signs client certificates (PEM); control.auth.callers names whose they are.");
    set.choice("client_certificates", o.client_certificates, {"optional", "required"},
               "Whether a client must show one, if there is a client_ca.");
  }
  set.boolean("allow_anonymous", o.allow_anonymous,
              "Lets everybody who reaches an address other than loopback publish without credentials.");
  set.size("max_body", o.max_body, "Largest body of a request.").range(1024, 1 << 30);
  set.size("max_head", o.max_head, "Largest request line and header block.").range(1024, 1 << 20);
  set.integer("max_items", o.max_items, "Most items in one request.").range(1, 100'000);
  set.integer("max_threads", o.max_threads, "Most requests answered at the same time.").range(1, 1024);
  set.integer("max_connections", o.max_connections, "Most publisher connections; further ones get 503.").range(1, 100'000);
  set.integer("max_watches", o.max_watches, "Most readers of channels at a time; further ones get 503.").range(1, 10'000);
  set.duration("idle_timeout", o.idle_timeout, "Closes a kept-alive connection without a request.").range(1, 3'600'000);
  set.duration("request_timeout", o.request_timeout, "A request must have arrived within this time.").range(1, 600'000);
}

void declare(OptionSet& set, AdminOptions& o) {
  const OptionSet::Section section(set, "metrics");
  set.text("address", o.address, "Where /metrics, /livez and /readyz are served; empty: nowhere.").check(wrong_address);
  set.boolean("page", o.page,
              "Serves a status page at / of that address; names of channels and its publish pad are shown with a token, or on loopback.");
}

}  // namespace holdfast::control
