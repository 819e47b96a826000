#pragma once

#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace holdfast::route {

// The host of a Host header in the one spelling that routes are looked up by: no port, lower case, no final dot, an IPv6 address without
// brackets and in its shortest form. Never fails: what is no host is nobody's domain.
std::string normal_host(std::string_view host_header);

// A route's domain in the same spelling; "*" stays. An error says what a domain may not have.
Result<std::string> parse_domain(std::string_view text);

// HOST or HOST:PORT as it may stand in a Host header.
bool is_authority(std::string_view text);

// A name or an IPv4 address: letters, digits, '.', '-', '_'.
bool is_host_name(std::string_view text);
// Without brackets; a zone ("%eth0") is allowed.
bool is_ipv6(std::string_view text);

}  // namespace holdfast::route
