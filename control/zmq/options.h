#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/options.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// Message sockets for publishers and tools made for Pushpin. They know no passwords: on another address than loopback, and on
// loopback if the other doors know their callers, they want a clear word that nobody else gets there.
struct ZmqOptions {
  std::string pull;              // publishers PUSH items here
  std::vector<std::string> sub;  // publishers PUB items here, each to a channel's listeners
  bool sub_connect = false;
  std::string sub_wire = "items";
  std::string command;  // REP
  std::string stats;    // PUB
  std::string stats_format = "json";
  bool allow_anonymous = false;
  int64_t high_water_mark = 25'000;  // messages that wait, per socket
  Duration report_interval = std::chrono::seconds(10);
  Duration connection_ttl = std::chrono::seconds(120);
  Duration subscription_ttl = std::chrono::seconds(60);

  bool any() const { return !pull.empty() || !sub.empty() || !command.empty() || !stats.empty(); }
};
void declare(OptionSet& set, ZmqOptions& options);  // section "control.zmq"

// Who gets to an address without a word.
enum class SocketGuests {
  loopback,  // whoever is on this machine
  nobody,    // the other doors know their callers, and this one cannot ask: even on loopback it would let others pass by them
};
// "tcp://HOST:PORT" (port * or 0: any free one) or "ipc://PATH", which file modes guard. Errors: invalid; an address that others reach
// without `allow_anonymous`.
Result<void> check_socket_address(const std::string& address, bool allow_anonymous, SocketGuests guests = SocketGuests::loopback);

}  // namespace holdfast::control
