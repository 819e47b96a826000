#include "adapters/redis/redis_options.h"

#include <algorithm>

namespace holdfast {

namespace {

std::string check_address(std::string_view text) {
  const auto address = parse_redis_address(text);
  return address ? "" : address.error().text;
}

}  // namespace

void declare(OptionSet& set, RedisOptions& options) {
  set.text("address", options.address, "HOST:PORT of the server; not used with sentinels.").check(check_address);
  set.text_list("sentinels", options.sentinels, "HOST:PORT of each Sentinel: they say where the primary is.").check(check_address);
  set.text("sentinel_master", options.sentinel_master, "What the Sentinels call the primary.");
  set.text("sentinel_username", options.sentinel_username, "ACL user at the Sentinels; empty: the default user.");
  set.text("sentinel_password", options.sentinel_password, "Password of the Sentinels; empty: none.").secret();
  set.text_list("cluster", options.cluster, "HOST:PORT of some nodes of a Redis Cluster; the others are found.").check(check_address);
  set.integer("partitions", options.partitions, "Parts in which channels are spread over a Redis Cluster: the same on every node.")
      .range(1, 4096);
  set.text("username", options.username, "ACL user; empty: the default user.");
  set.text("password", options.password, "Password; empty: none.").secret();
  set.boolean("tls", options.tls, "Connects by TLS, also to Sentinels, and checks certificate and host name.");
  set.path("ca_file", options.ca_file, "Authorities whose certificates are trusted (PEM); empty: the system's.");
  set.path("cert_file", options.cert_file, "Certificate chain shown to the server (PEM); empty: none.");
  set.path("key_file", options.key_file, "Private key of cert_file (PEM).");
  set.text("tls_server_name", options.tls_server_name, "Name that certificates must be for; empty: the host of the address.");
  set.text("prefix", options.prefix, "Begins every key and pub/sub channel, so that clusters can share a server.");
  set.integer("history_messages", options.history_messages, "Messages kept per channel for clients that come back.").range(1, 1'000'000);
  set.duration("history_age", options.history_age, "A channel without publications for so long keeps no messages.")
      .range(1000, 7 * 24 * 3'600'000LL);
  set.size("max_message", options.max_message, "Largest message that is accepted.").range(1024, 512 << 20);
  set.size("max_waiting", options.max_waiting, "Publications that may be under way; more are refused at once.")
      .range(1 << 20, int64_t{1} << 40);
  set.duration("timeout", options.timeout, "For connecting and for an answer; then the connection is made anew.").range(100, 600'000);
  set.choice("ack", options.ack, {"primary", "replicated"}, "Acknowledges when the primary has it, or only when a replica has it too.");
  set.duration("compare_tops", options.compare_tops, "How often channels are looked at for live messages that did not come.")
      .range(100, 3'600'000);
}

Result<void> check(const RedisOptions& options) {
  if (!options.cluster.empty() && !options.sentinels.empty()) return invalid("broker.redis: either cluster or sentinels");
  if (options.cert_file.empty() != options.key_file.empty()) return invalid("broker.redis: cert_file and key_file belong together");
  const bool files = !options.ca_file.empty() || !options.cert_file.empty() || !options.tls_server_name.empty();
  if (files && !options.tls) return invalid("broker.redis: ca_file, cert_file and tls_server_name need tls: true");
  return {};
}

std::string to_string(const RedisAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + address.port;
}

Result<RedisAddress> parse_redis_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return invalid("expected HOST:PORT");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool digits =
      !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoi(std::string(port)) < 1 || std::stoi(std::string(port)) > 65535)
    return invalid("a port is a number from 1 to 65535");
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return invalid("an IPv6 address stands in brackets");
  }
  if (host.empty()) return invalid("expected HOST:PORT");
  return RedisAddress{std::string(host), std::string(port)};
}

}  // namespace holdfast
