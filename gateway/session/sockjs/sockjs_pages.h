#pragma once

#include "gateway/session/gateway.h"

namespace holdfast {

// The resources of SockJS that belong to no session.
void answer_sockjs_info(Exchange& exchange, const RequestHead& request);
// The page that old browsers load from here, for its script to do their requests to this origin.
void answer_sockjs_iframe(Exchange& exchange, const RequestHead& request, const std::string& script_url);
// Whether scripts of another origin may send `methods` here.
void answer_sockjs_preflight(Exchange& exchange, const RequestHead& request, std::string_view methods);

}  // namespace holdfast
