#include "control/grpc/options.h"

#include "control/address.h"

namespace holdfast::control {
namespace {

std::string wrong_address(std::string_view text) {
  if (text.empty()) return {};
  const auto address = parse_listen_address(text);
  return address ? std::string() : address.error().text;
}

}  // namespace

void declare(OptionSet& set, GrpcOptions& o) {
  const OptionSet::Section section(set, "control.grpc");
  set.text("address", o.address, "Where the control API is served over gRPC, e.g. 127.0.0.1:5562 or [::1]:5562; empty: nowhere.")
      .check(wrong_address);
  set.boolean("allow_anonymous", o.allow_anonymous, "Lets everybody who reaches an address other than loopback in.");
  set.size("max_message", o.max_message, "Largest message of a caller.").range(1024, 1 << 30);
  set.integer("max_items", o.max_items, "Most items in one request.").range(1, 100'000);
  set.integer("max_streams", o.max_streams, "Most calls at a time on one connection.").range(1, 10'000);
  set.integer("max_watches", o.max_watches, "Most Subscribe calls at a time.").range(1, 10'000);
  set.duration("keepalive_time", o.keepalive_time, "A connection that is silent for so long is asked whether it lives.")
      .range(1000, 86'400'000);
  set.duration("min_ping_interval", o.min_ping_interval, "A client that pings more often is cut off.").range(0, 3'600'000);
  const OptionSet::Section tls(set, "tls");
  set.path("cert", o.tls.cert, "Certificate chain (PEM); with it and the key the door speaks TLS.");
  set.path("key", o.tls.key, "Its private key (PEM).");
  set.path("client_ca", o.tls.client_ca,
           "Authorities (PEM) one of which must have signed the caller's certificate; empty: none is asked for.");
}

}  // namespace holdfast::control
