#pragma once

#include <string>
#include <string_view>

#include "control/service.h"
#include "gateway/message/item_json.h"

namespace holdfast::control {

// The addresses that get-zmq-uris tells, as bound.
struct SocketAddresses {
  std::string command, pull, sub;
};

// Answers one request of the command socket: a tagged map {id, method, args} gets {id, success, value} or {id, success, condition, value}.
// Methods: conncheck, get-zmq-uris, recover, refresh, publish. Waits for the broker or the loops where the method needs them. Threads: any.
std::string answer_command(std::string_view request, Service& service, const SocketAddresses& addresses, const ItemLimits& limits);

}  // namespace holdfast::control
