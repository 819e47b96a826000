#include "gateway/route/host.h"

#include <algorithm>
#include <arpa/inet.h>
#include <optional>

#include "gateway/base/text.h"
#include "gateway/route/words.h"

namespace holdfast::route {

namespace {

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

// [0:0::1] and [::1] are one address and so one domain.
std::optional<std::string> shortest_ipv6(std::string_view literal) {
  // inet_pton stops at NUL, so "::1\0x" would pass as "::1".
  if (literal.size() >= INET6_ADDRSTRLEN || literal.find('\0') != std::string_view::npos) return std::nullopt;
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(literal).c_str(), &address) != 1) return std::nullopt;
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(AF_INET6, &address, text, sizeof text) == nullptr) return std::nullopt;
  return std::string(text);
}

std::string normal_ipv6(std::string_view literal) {
  if (auto shortest = shortest_ipv6(literal)) return *std::move(shortest);
  return to_lower(literal);
}

}  // namespace

std::string normal_host(std::string_view host_header) {
  std::string_view host = trim(host_header);
  if (host.starts_with('[')) {
    const size_t close = host.find(']');
    if (close != std::string_view::npos) return normal_ipv6(host.substr(1, close - 1));
    return to_lower(host);
  }
  const size_t colon = host.find(':');
  if (colon != std::string_view::npos) {
    if (host.rfind(':') != colon) return normal_ipv6(host);
    host = host.substr(0, colon);
  }
  if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return to_lower(host);
}

Result<std::string> parse_domain(std::string_view text) {
  if (text == "*") return std::string(text);
  std::string_view literal = text;
  if (literal.starts_with('[') && literal.ends_with(']')) literal = literal.substr(1, literal.size() - 2);
  if (auto shortest = shortest_ipv6(literal)) return *std::move(shortest);
  if (text.find('*') != std::string_view::npos) {
    return invalid("domain " + shown(text) + ": '*' stands alone, for every domain without routes of its own");
  }
  if (text.find("://") != std::string_view::npos) return invalid("domain " + shown(text) + ": write the host name alone, without a scheme");
  if (text.find(':') != std::string_view::npos) return invalid("domain " + shown(text) + ": write it without a port");
  if (text.find('/') != std::string_view::npos) return invalid("domain " + shown(text) + ": a path goes into an option of its own");
  if (!is_host_name(text)) return invalid("domain " + shown(text) + " is no host name (write international names in their xn-- form)");
  return normal_host(text);
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '.' && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), is_host_character);
}

bool is_ipv6(std::string_view text) {
  const size_t zone = text.find('%');
  if (zone != std::string_view::npos && !is_host_name(text.substr(zone + 1))) return false;
  return shortest_ipv6(text.substr(0, zone)).has_value();
}

bool is_authority(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && !text.ends_with(']')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const auto number = parse_uint(port);
    if (!number || *number < 1 || *number > 65535) return false;
  }
  if (host.starts_with('[') && host.ends_with(']')) return is_ipv6(host.substr(1, host.size() - 2));
  return is_host_name(host);
}

}  // namespace holdfast::route
