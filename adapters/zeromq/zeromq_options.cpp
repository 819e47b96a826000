#include "adapters/zeromq/zeromq_options.h"

namespace holdfast {

namespace {

std::string check_address(std::string_view text) {
  if (text.empty() || text.starts_with("ipc://")) return {};
  const size_t colon = text.rfind(':');
  return text.starts_with("tcp://") && colon > 6 && colon + 1 < text.size() ? "" : "expected tcp://HOST:PORT or ipc://PATH";
}

std::string check_key(std::string_view text) { return text.empty() || text.size() == 40 ? "" : "a CURVE key has 40 characters (Z85)"; }

}  // namespace

void declare(OptionSet& set, ZeromqOptions& options) {
  set.text("bind", options.bind, "Where the other nodes connect to this one; empty: it only listens to them, and they order its channels.")
      .check(check_address);
  set.text_list("peers", options.peers, "tcp://HOST:PORT of every node that binds; this one may be among them. A name may stand for many.")
      .check(check_address);
  set.duration("resolve_every", options.resolve_every, "How often peers that are names are looked up again.").range(100, 3'600'000);
  set.duration("heartbeat", options.heartbeat, "How often a node tells the others where its channels stand.").range(50, 60'000);
  set.duration("peer_timeout", options.peer_timeout, "A node that was not heard for so long is taken for gone.").range(200, 600'000);
  set.duration("timeout", options.timeout, "For another node's answer to a publication.").range(100, 600'000);
  set.text("secret_key", options.secret_key, "CURVE secret key of the mesh (Z85), the same on every node; empty: in the clear.")
      .check(check_key)
      .secret();
  set.boolean("allow_plain", options.allow_plain, "Lets a node without a key bind an address other than loopback.");
  set.integer("high_water_mark", options.high_water_mark, "Messages that may wait for a slow node; it is told of what it loses beyond.")
      .range(100, 100'000'000);
  set.integer("history_messages", options.history_messages, "Messages kept per channel for clients that come back.").range(0, 1'000'000);
  set.duration("history_age", options.history_age, "Messages older than this are not replayed.").range(0, 7 * 24 * 3'600'000LL);
  set.size("history_bytes", options.history_bytes, "Memory for kept messages of all channels; the oldest go first.")
      .range(0, int64_t{1} << 40);
  set.integer("max_channels", options.max_channels, "Channels without listeners whose history is remembered.").range(1, 100'000'000);
  set.size("max_message", options.max_message, "Largest message that is accepted.").range(1024, 1 << 30);
  set.size("max_waiting", options.max_waiting, "Publications that may be under way to other nodes; more are refused at once.")
      .range(1 << 20, int64_t{1} << 40);
}

}  // namespace holdfast
