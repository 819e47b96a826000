#include "adapters/zeromq/zeromq_check.h"

#include <string_view>

#include "gateway/base/reach.h"

namespace holdfast {

namespace {

bool is_loopback(std::string_view address) {
  return !address.starts_with("tcp://") || address.starts_with("tcp://127.") || address.starts_with("tcp://localhost:") ||
         address.starts_with("tcp://[::1]:");
}

Finding reach(const std::string& peer, Duration patience) {
  const std::string name = "zeromq peer " + peer;
  if (!peer.starts_with("tcp://")) return good(name, "is of this machine");
  const size_t colon = peer.rfind(':');
  std::string host = peer.substr(6, colon - 6);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (auto reached = reach_tcp(host, peer.substr(colon + 1), patience); !reached) {
    return broken(name, reached.error().text,
                  "start that node, or take it out of broker.zeromq.peers: channels that it orders stand still");
  }
  return good(name, "accepts connections");
}

}  // namespace

Findings examine(const ZeromqOptions& options) {
  Findings out;
  if (options.peers.empty()) {
    out.push_back(risky("zeromq peers", "none: this node is alone", "name the others in broker.zeromq.peers, or use broker.type: memory"));
  } else if (!options.bind.empty() && is_loopback(options.bind)) {
    out.push_back(risky("zeromq bind", options.bind + ": nodes on other machines cannot connect",
                        "set broker.zeromq.bind to an address that they reach"));
  }
  if (options.secret_key.empty() && !is_loopback(options.bind)) {
    out.push_back(risky("zeromq secret_key", "none: whoever reaches " + options.bind + " reads and publishes",
                        "set broker.zeromq.secret_key on every node"));
  }
  for (const auto& peer : options.peers) out.push_back(reach(peer, options.timeout));
  if (options.history_messages == 0) {
    out.push_back(risky("zeromq history_messages", "0: whoever comes back is told of a gap", "set broker.zeromq.history_messages"));
  }
  return out;
}

}  // namespace holdfast
