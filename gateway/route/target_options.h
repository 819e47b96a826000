#pragma once

#include <span>
#include <string_view>

#include "gateway/base/result.h"
#include "gateway/route/option_reader.h"
#include "gateway/route/route.h"

namespace holdfast::route {

// The options of one target.
std::span<const OptionRule<Target>> target_rules();
using TargetReader = OptionReader<Target>;

// "HOST:PORT", "[IPV6]:PORT", "unix:/path", "test". "zhttpreq/ADDRESS" gives Kind::message_socket, "zhttp/SPEC" Kind::unsupported.
Result<void> set_address(Target& target, std::string_view text);

Result<void> check_target(const Target& target);

}  // namespace holdfast::route
