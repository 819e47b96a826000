#include "adapters/support/errors.h"
#include "adapters/zeromq/peer_names.h"
#include "adapters/zeromq/sockets.h"
#include "adapters/zeromq/wire.h"
#include "adapters/zeromq/zeromq_broker.h"
#include "gateway/base/log.h"

namespace holdfast {

namespace {

constexpr Duration kHandOver{1000};     // a node that joins waits so long for what the others have of its channels
constexpr size_t kMostMoved = 1 << 20;  // bytes of a channel that are handed over
constexpr size_t kMostFrames = 1000;    // of one node in a turn: the others must be served too

std::string_view view_of(const zmq::message_t& message) { return {static_cast<const char*>(message.data()), message.size()}; }

// FNV-1a over the channel, mixed with the session (the finalizer of MurmurHash3).
uint64_t weight(uint64_t channel_hash, uint64_t session) {
  uint64_t h = channel_hash ^ session;
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

}  // namespace

uint64_t ZeromqBroker::owner_of(std::string_view channel) const {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : channel) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  uint64_t owner = 0, heaviest = 0;
  const auto consider = [&](uint64_t session) {
    if (const uint64_t w = weight(hash, session); owner == 0 || w > heaviest || (w == heaviest && session > owner)) {
      owner = session;
      heaviest = w;
    }
  };
  if (sockets_->below && !left_) consider(session_);
  for (const auto& [address, link] : links_) {
    if (link->up) consider(link->session);
  }
  return owner;
}

ZeromqBroker::Link* ZeromqBroker::link_of(uint64_t session) {
  for (auto& [address, link] : links_) {
    if (link->up && link->session == session) return link.get();
  }
  return nullptr;
}

void ZeromqBroker::set_peers(const std::set<std::string>& addresses) {
  if (sink_ == nullptr) return;
  looked_up_ = true;
  for (auto& [address, link] : links_) link->wanted = addresses.contains(address);
  for (const auto& address : addresses) {
    if (!links_.contains(address)) open_link(address);
  }
}

void ZeromqBroker::open_link(const std::string& address) {
  auto link = std::make_unique<Link>();
  try {
    zmq::socket_t socket(sockets_->context, zmq::socket_type::xsub);
    socket.set(zmq::sockopt::linger, 500);  // what is handed over
    socket.set(zmq::sockopt::rcvhwm, static_cast<int>(options_.high_water_mark));
    socket.set(zmq::sockopt::sndhwm, 0);  // subscriptions must not be lost; publications are bounded by max_waiting
    socket.set(zmq::sockopt::ipv6, 1);
    socket.set(zmq::sockopt::reconnect_ivl, 50);
    socket.set(zmq::sockopt::reconnect_ivl_max, 1000);
    watch(socket, options_.peer_timeout);
    if (!sockets_->public_key.empty()) {
      socket.set(zmq::sockopt::curve_serverkey, sockets_->public_key);
      socket.set(zmq::sockopt::curve_publickey, sockets_->public_key);
      socket.set(zmq::sockopt::curve_secretkey, options_.secret_key);
    }
    socket.connect(address);
    link->address = address;
    link->socket = std::move(socket);
  } catch (const zmq::error_t& error) {
    log::error("a peer of the mesh cannot be connected to", {{"address", address}, {"reason", error.what()}});
    return;
  }
  Link& made = *link;
  links_.emplace(address, std::move(link));
  // ZeroMQ says these again whenever it connects anew.
  send_up(made, '\1' + std::string(mesh::kHeartbeatTopic));
  send_up(made, '\1' + mesh::reply_topic(session_));
  for (const auto& [name, channel] : channels_) send_up(made, '\1' + mesh::channel_topic(name));
  probe(made);
}

void ZeromqBroker::send_up(Link& link, const std::string& frame) {
  if (!link.self) link.socket.send(zmq::buffer(frame), zmq::send_flags::dontwait);
}

// Asks for a word that comes only after everything that was subscribed to before counts.
void ZeromqBroker::probe(Link& link) {
  const uint64_t number = ++last_id_;
  for (auto& [earlier, changes] : std::exchange(link.probes, {})) {
    auto& all = link.probes[number];
    all.insert(all.end(), changes.begin(), changes.end());
  }
  link.probes.try_emplace(number);
  link.asked = true;
  link.asked_at = clock_.now();
  send_up(link, '\1' + mesh::probe_topic(session_, number));
}

void ZeromqBroker::read_link(Link& link) {
  for (size_t i = 0; i < kMostFrames && sink_ != nullptr && !link.self; ++i) {
    zmq::message_t topic, content;
    if (!link.socket.recv(topic, zmq::recv_flags::dontwait)) return;
    bool whole = topic.more() && link.socket.recv(content);
    for (zmq::message_t rest; whole && content.more();) {
      whole = false;
      if (!link.socket.recv(rest) || !rest.more()) break;
    }
    link.heard = clock_.now();
    if (whole) {
      on_frame(link, view_of(topic), view_of(content));
    } else {
      garbage_.add();
    }
  }
}

void ZeromqBroker::on_frame(Link& link, std::string_view topic, std::string_view content) {
  mesh::Reader in(content);
  if (topic.starts_with('c')) {
    const auto channel = mesh::channel_of(topic);
    auto publication = channel ? in.publication(std::string(*channel)) : nullptr;
    if (publication == nullptr) return garbage_.add();
    return deliver(publication);
  }
  if (topic == mesh::kHeartbeatTopic) return on_heartbeat(link, in);
  if (topic.starts_with('p')) {
    mesh::Reader asked(topic.substr(1));
    asked.u64();
    const uint64_t number = asked.u64(), session = in.u64();
    if (!asked.ok() || !in.ok() || session == 0) return garbage_.add();
    return on_probe(link, number, session);
  }
  if (const auto done = take_waiting(in.u64())) done(&in);  // else it is too late
}

void ZeromqBroker::on_probe(Link& link, uint64_t number, uint64_t session) {
  send_up(link, '\0' + mesh::probe_topic(session_, number));
  if (session == session_) {
    log::debug("a peer of the mesh is this node", {{"address", link.address}});
    link.self = true;
    link.socket.close();
  } else if (!link.up) {
    link_up(link, session);
  }
  link.asked = link.asked && link.probes.rbegin()->first != number;
  // Earlier ones were answered before it, or their answers were lost.
  while (!link.probes.empty() && link.probes.begin()->first <= number) {
    const auto changes = std::move(link.probes.begin()->second);
    link.probes.erase(link.probes.begin());
    for (const auto& change : changes) {
      if (--change->left == 0) change->done({});
    }
  }
  if (std::exchange(link.unsure, false) && link.up) {
    lost_.add();
    tell_gaps_of(link.session);
  }
  judge_health();
}

void ZeromqBroker::on_heartbeat(Link& link, mesh::Reader& in) {
  const uint64_t session = in.u64(), beat = in.u64();
  const bool leaves = in.u8() != 0;
  const uint64_t count = in.u64();
  if (!in.ok()) return garbage_.add();
  if (link.up && session != link.session) link_down(link, "another node is there now");
  if (leaves) {
    if (!link.up) return;
    expecting_[session] = clock_.now() + kHandOver;
    return link_down(link, "it leaves");
  }
  if (!link.up) {
    link.beat = beat;
    if (!link.asked) probe(link);
    return;
  }
  // A heartbeat that is missing took others along.
  const uint64_t before = std::exchange(link.beat, beat);
  if (before != 0 && beat != before + 1 && !link.asked) {
    link.unsure = true;
    probe(link);
  }
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::string channel(in.text());
    const Position top = in.position();
    if (!in.ok()) return garbage_.add();
    const auto found = channels_.find(channel);
    if (found == channels_.end() || !top.known()) continue;
    Position& seen = found->second.seen;
    if (seen.epoch == top.epoch && seen.offset >= top.offset) continue;
    // Whoever has just subscribed has not seen it either, and finds nothing missing.
    seen = top;
    lost_.add();
    sink_->on_gap(channel);
  }
}

void ZeromqBroker::link_up(Link& link, uint64_t session) {
  for (const auto& [address, other] : links_) {
    if (other->up && other->session == session) return;  // the same node at another address
  }
  link.session = session;
  link.up = true;
  link.unsure = false;
  link.beat = 0;
  link.heard = clock_.now();
  if (!handed_.contains(session)) expecting_[session] = link.heard + kHandOver;
  links_gauge_.add();
  log::info("a node of the mesh is there", {{"address", link.address}});
  tell_gaps_of(session);
  hand_over(link);
}

void ZeromqBroker::link_down(Link& link, const std::string& reason) {
  if (link.up) {
    log::warn("a node of the mesh is gone", {{"address", link.address}, {"reason", reason}});
    links_gauge_.sub();
    if (sink_ != nullptr) tell_gaps_of(link.session);  // while it still owns them
    link.up = false;
    link.lost = link.session;
    link.lost_at = link.heard;
    handed_.erase(link.session);
  }
  // It is not asked any more; when it comes back its channels are looked at.
  for (auto& [number, changes] : std::exchange(link.probes, {})) {
    for (const auto& change : changes) {
      if (--change->left == 0) change->done(sink_ != nullptr ? Result<void>() : Result<void>(unavailable("the broker is not running")));
    }
  }
  link.asked = false;
  std::vector<uint64_t> unanswered;
  for (const auto& [id, waiting] : waiting_) {
    if (waiting.session == link.session) unanswered.push_back(id);
  }
  for (const uint64_t id : unanswered) {
    if (const auto done = take_waiting(id)) done(nullptr);
  }
}

void ZeromqBroker::tell_gaps_of(uint64_t owner) {
  for (const auto& [name, channel] : channels_) {
    if (owner_of(name) == owner) sink_->on_gap(name);
  }
}

// The node is the owner now of channels that this one has ordered.
void ZeromqBroker::hand_over(Link& link) {
  const auto now = clock_.now();
  // While it was not heard it may have ordered them too; if it was never heard before, at any time.
  const bool known = link.lost == link.session;
  const Duration apart = known ? std::chrono::duration_cast<Duration>(now - link.lost_at) : Duration(INT32_MAX);
  const auto begin = [&](mesh::Request kind, std::string_view text) {
    mesh::Writer out;
    out.u8(static_cast<uint8_t>(kind)).u64(session_).u64(0).text(text);
    return out;
  };
  store_.keys.each(now, [&](const std::string& key, Position position) {
    if (owner_of(RecentKeys::channel_of(key)) == link.session) send_up(link, begin(mesh::Request::key, key).position(position).take());
  });
  for (const auto& channel : store_.used()) {
    if (owner_of(channel) != link.session) continue;
    const auto moved = store_.take_out(channel, std::min<size_t>(kMostMoved, options_.max_message));
    auto out = begin(mesh::Request::adopt, channel);
    out.position(moved->top).u8(moved->whole_story ? 1 : 0).u64(static_cast<uint64_t>(apart.count())).u64(moved->kept.size());
    for (const auto& publication : moved->kept) out.publication(*publication);
    send_up(link, out.take());
    news_.erase(channel);
  }
  send_up(link, begin(mesh::Request::done, {}).take());
}

// The others are handed what is here, and hear that they need not wait for this node.
void ZeromqBroker::leave() {
  if (!sockets_->below) return;
  left_ = true;
  for (auto& [address, link] : links_) {
    if (link->up) hand_over(*link);
  }
  beat();
}

}  // namespace holdfast
