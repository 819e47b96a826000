#pragma once

#include <span>

#include "gateway/base/result.h"
#include "gateway/route/option_reader.h"
#include "gateway/route/route.h"

namespace holdfast::route {

// The options of a route's condition and of what is done with its requests.
std::span<const OptionRule<Route>> route_rules();
using RouteReader = OptionReader<Route>;

// What can be judged only when all options are known: the ones that need or exclude each other.
Result<void> check_route(Route& route, const RouteReader& given);

}  // namespace holdfast::route
