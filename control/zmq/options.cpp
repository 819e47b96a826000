#include "control/zmq/options.h"

namespace holdfast::control {
namespace {

std::string wrong_address(std::string_view text) {
  if (text.empty()) return {};
  const auto checked = check_socket_address(std::string(text), true);
  return checked ? std::string() : checked.error().text;
}

}  // namespace

void declare(OptionSet& set, ZmqOptions& o) {
  const OptionSet::Section section(set, "control.zmq");
  set.text("pull", o.pull, "Where publishers PUSH items, e.g. tcp://127.0.0.1:5560; empty: no such socket.").check(wrong_address);
  set.text_list("sub", o.sub, "Where publishers PUB items; it subscribes to the channels that have listeners here.").check(wrong_address);
  set.boolean("sub_connect", o.sub_connect, "Connects the sub sockets to publishers instead of binding them.");
  set.choice(
      "sub_wire", o.sub_wire, {"items", "raw", "item-json"},
      "What publishers send to the sub sockets: items as Pushpin takes them, or (raw, item-json) what producers send who do not know it.");
  set.text("command", o.command, "Where commands are answered (REP), e.g. tcp://127.0.0.1:5563; empty: no such socket.")
      .check(wrong_address);
  set.text("stats", o.stats, "Where connections, subscriptions and reports are told (PUB), e.g. ipc:///run/holdfast/stats; empty: nowhere.")
      .check(wrong_address);
  set.choice("stats_format", o.stats_format, {"json", "tnetstring"}, "What stats are written as.");
  set.boolean("allow_anonymous", o.allow_anonymous,
              "Lets everybody who reaches a tcp address use these sockets; needed on loopback too if other doors ask for tokens.");
  set.integer("high_water_mark", o.high_water_mark, "Messages that may wait in each socket; a pusher waits, a PUB loses what is beyond.")
      .range(1, 10'000'000);
  set.duration("report_interval", o.report_interval, "Between two reports on the stats socket.").range(100, 3'600'000);
  set.duration("connection_ttl", o.connection_ttl, "How long a word about a connection counts; it is said again before.")
      .range(1000, 3'600'000);
  set.duration("subscription_ttl", o.subscription_ttl, "How long a word about a subscription counts; it is said again before.")
      .range(1000, 3'600'000);
}

Result<void> check_socket_address(const std::string& address, bool allow_anonymous, SocketGuests guests) {
  if (address.starts_with("ipc://")) {
    if (address.size() == 6) return invalid(address + ": a path is missing");
    return {};
  }
  const auto bad = [&] { return invalid(address + ": expected tcp://HOST:PORT or ipc://PATH"); };
  if (!address.starts_with("tcp://")) return bad();
  const size_t colon = address.rfind(':');
  if (colon < 7 || colon + 1 == address.size()) return bad();
  const std::string host = address.substr(6, colon - 6);
  const bool loopback = host.starts_with("127.") || host == "[::1]" || host == "localhost";
  if (!loopback && !allow_anonymous) {
    return invalid(address + ": message sockets know no passwords; use a loopback address, or set control.zmq.allow_anonymous");
  }
  if (loopback && guests == SocketGuests::nobody && !allow_anonymous) {
    return invalid(address + ": message sockets know no passwords, and the other doors ask for them: use ipc://PATH, or set " +
                   "control.zmq.allow_anonymous if everybody on this machine may publish");
  }
  return {};
}

}  // namespace holdfast::control
