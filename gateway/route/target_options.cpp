#include "gateway/route/target_options.h"

#include <algorithm>
#include <string>
#include <sys/un.h>

#include "gateway/base/text.h"
#include "gateway/route/checks.h"
#include "gateway/route/host.h"

namespace holdfast::route {

namespace {

constexpr std::string_view kAddressForms = "expected HOST:PORT, [IPV6]:PORT, unix:/PATH or test, not ";

Result<void> set_unix_path(Target& target, std::string_view path) {
  if (!path.starts_with('/')) return invalid("the path of a Unix socket begins with '/', but this is " + shown(path));
  if (auto sane = check_text(path); !sane) return sane;
  // The kernel's limit, one byte of which is the final NUL.
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return invalid("the path of the Unix socket is too long: " + shown(path));
  target.kind = Target::Kind::http;
  target.unix_socket = true;
  target.host = path;
  target.port = 0;
  return {};
}

Result<void> set_port(Target& target, std::string_view text) {
  const auto port = parse_uint(text);
  if (!port || *port < 1 || *port > 65535) return invalid("a port is a number from 1 to 65535, not " + shown(text));
  target.port = static_cast<uint16_t>(*port);
  return {};
}

Result<void> set_message_socket(Target& target, std::string_view address) {
  if (!address.starts_with("tcp://") && !address.starts_with("ipc://")) {
    return invalid("zhttpreq/ is followed by the address to bind, like tcp://127.0.0.1:5000 or ipc:///path, not " + shown(address));
  }
  if (auto sane = check_text(address); !sane) return sane;
  target.kind = Target::Kind::message_socket;
  target.host = address;
  target.port = 0;
  return {};
}

Result<void> set_host_header(Target& target, std::string_view value) {
  if (!is_authority(value)) return invalid("expected HOST or HOST:PORT, not " + shown(value));
  target.host_header = value;
  return {};
}

Result<void> add_subscription(Target& target, std::string_view value) {
  if (auto sane = check_text(value); !sane) return sane;
  target.subscriptions.emplace_back(value);
  return {};
}

template <std::string Target::* member>
Result<void> set_file(Target& target, std::string_view value) {
  if (auto sane = check_text(value); !sane) return sane;
  target.*member = value;
  return {};
}

// Belongs to zhttp targets, which have nobody to use it; read so that such a line gets the answer about its target, not about this.
Result<void> read_file_mode(Target&, std::string_view value) {
  const bool octal = value.size() <= 4 && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '7'; });
  if (!octal) return invalid("expected an octal file mode like 660, not " + shown(value));
  return {};
}

using Rule = OptionRule<Target>;

const Rule kRules[] = {
    // In the routes file the address is no option but what the target begins with.
    {.name = "address", .word = "", .keys = {"address"}, .set = set_address},
    {.name = "ssl", .word = "ssl", .keys = {"tls"}, .flag = &Target::tls},
    {.name = "host", .word = "host", .set = set_host_header},
    {.name = "over_http", .word = "over_http", .flag = &Target::over_http},
    {.name = "one_event", .word = "one_event", .flag = &Target::one_event},
    {.name = "sub", .word = "sub", .keys = {"subscribe"}, .set = add_subscription, .repeats = true},
    {.name = "untrusted", .word = "untrusted", .flag = &Target::untrusted},
    {.name = "trust_connect_host", .word = "trust_connect_host", .flag = &Target::trust_connect_host},
    {.name = "insecure", .word = "insecure", .flag = &Target::insecure},
    {.name = "insecure", .word = "", .keys = {"verify"}, .flag = &Target::insecure, .inverse = true},
    {.name = "client_cert", .word = "client_cert", .set = set_file<&Target::client_cert>},
    {.name = "client_key", .word = "client_key", .set = set_file<&Target::client_key>},
    {.name = "ipc_file_mode", .word = "ipc_file_mode", .set = read_file_mode},
};

}  // namespace

std::span<const Rule> target_rules() { return kRules; }

Result<void> set_address(Target& target, std::string_view text) {
  if (text == "test") {
    target.kind = Target::Kind::test;
    return {};
  }
  if (constexpr std::string_view kPrefix = "zhttpreq/"; text.starts_with(kPrefix))
    return set_message_socket(target, text.substr(kPrefix.size()));
  if (text.starts_with("zhttp/")) {
    target.kind = Target::Kind::unsupported;
    target.host = text;
    return {};
  }
  if (text.starts_with("unix:")) return set_unix_path(target, text.substr(5));
  if (text.find("://") != std::string_view::npos) {
    return invalid("write HOST:PORT without a scheme (TLS is an option of the target), not " + shown(text));
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) return invalid(std::string(kAddressForms) + shown(text));
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  if (!brackets && host.find(':') != std::string_view::npos)
    return invalid("an IPv6 address goes in brackets: [IPV6]:PORT, not " + shown(text));
  if (brackets ? !is_ipv6(host) : !is_host_name(host)) return invalid(std::string(kAddressForms) + shown(text));
  target.kind = Target::Kind::http;
  target.host = host;
  return set_port(target, text.substr(colon + 1));
}

Result<void> check_target(const Target& target) {
  if (target.client_cert.empty() != target.client_key.empty()) return invalid("client_cert and client_key need each other");
  return {};
}

}  // namespace holdfast::route
