#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <zmq.hpp>

#include "adapters/zeromq/zeromq_broker.h"

namespace holdfast {

// The only places that see ZeroMQ: what other folders include stays free of it.
struct ZeromqBroker::Sockets {
  zmq::context_t context{1};
  std::optional<zmq::socket_t> below;        // XPUB: the nodes that listen to this one
  std::optional<zmq::socket_t> credentials;  // REP: libzmq asks whether a CURVE key is ours (ZAP, RFC 27)
  std::string public_key;                    // empty: in the clear
};

// A connection on which nothing comes for so long is made anew: half-open, it would never end by itself.
inline void watch(zmq::socket_t& socket, Duration peer_timeout) {
  const auto ms = static_cast<int>(peer_timeout.count());
  socket.set(zmq::sockopt::heartbeat_ivl, std::max(1, ms / 4));
  socket.set(zmq::sockopt::heartbeat_timeout, ms);
}

// Another node that binds. Its socket is its own, so that requests go to it alone.
struct ZeromqBroker::Link {
  std::string address;
  zmq::socket_t socket;  // XSUB
  uint64_t session = 0;  // 0: not known yet
  bool up = false;       // confirmed, and heard lately
  bool self = false;     // it is this node
  bool wanted = true;    // among the peers that were looked up last
  bool asked = false;    // a probe is under way
  bool unsure = false;   // something may be missing: told once the probe is answered
  uint64_t beat = 0;     // number of its last heartbeat
  TimePoint heard{};
  uint64_t lost = 0;  // the session that was there when it was last up, and when that was last heard
  TimePoint lost_at{};
  TimePoint asked_at{};
  std::map<uint64_t, std::vector<std::shared_ptr<Change>>> probes;
};

}  // namespace holdfast
