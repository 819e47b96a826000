#pragma once

#include <functional>
#include <memory>
#include <string>

#include "control/api/api.h"
#include "control/http/event_source.h"

namespace holdfast::control {

// What is published to a channel, as server-sent events: items without an event's name, with their position as id; `live`, `gap`, `ended`.
// Errors: as Api::subscribe.
Result<std::shared_ptr<EventSource>> watch_as_events(Api& api, const Caller& caller, const v1::SubscribeRequest& request);

}  // namespace holdfast::control
