#include "adapters/zeromq/peer_names.h"
#include "adapters/zeromq/sockets.h"
#include "adapters/zeromq/wire.h"
#include "adapters/zeromq/zeromq_broker.h"
#include "gateway/base/log.h"

namespace holdfast {

namespace {

constexpr size_t kMostFrames = 1000;
constexpr int kBeats = 3;               // heartbeats that tell of a message: two may be lost
constexpr size_t kNewsInBeat = 1000;    // channels in one frame of a heartbeat
constexpr size_t kPageBytes = 1 << 20;  // of an answer; the rest is asked for

std::string_view view_of(const zmq::message_t& message) { return {static_cast<const char*>(message.data()), message.size()}; }

}  // namespace

// From the nodes that listen here: subscriptions and requests.
void ZeromqBroker::read_below() {
  if (!sockets_->below) return;
  for (size_t i = 0; i < kMostFrames; ++i) {
    zmq::message_t message;
    if (!sockets_->below->recv(message, zmq::recv_flags::dontwait)) return;
    const auto frame = view_of(message);
    if (frame.empty()) {
      garbage_.add();
    } else if (frame.front() == 0 || frame.front() == 1) {
      on_subscription(frame.substr(1), frame.front() == 1);
    } else {
      on_request(frame);
    }
  }
}

void ZeromqBroker::on_subscription(std::string_view topic, bool subscribed) {
  if (topic.starts_with('p') && subscribed) {
    mesh::Writer out;
    out.u64(session_);
    return send_down(topic, out.view());
  }
  // What somebody listens to is remembered, though no message comes.
  if (const auto channel = mesh::channel_of(topic); channel && !channels_.contains(std::string(*channel))) {
    store_.set_subscribed(std::string(*channel), subscribed);
  }
}

void ZeromqBroker::on_request(std::string_view frame) {
  mesh::Reader in(frame);
  const auto kind = static_cast<mesh::Request>(in.u8());
  const uint64_t session = in.u64(), id = in.u64();
  const std::string channel(in.text());
  mesh::Writer out;
  out.u64(id);
  switch (kind) {
    case mesh::Request::ping:
      if (in.ok()) listening_[session] = clock_.now();
      return;
    case mesh::Request::adopt: {
      MemoryStore::Moved moved{
          channel, in.position(), in.u8() != 0, Duration(static_cast<int64_t>(std::min<uint64_t>(in.u64(), INT32_MAX))), {}};
      const uint64_t count = in.u64();
      for (uint64_t i = 0; i < count && in.ok(); ++i) {
        if (auto publication = in.publication(channel)) moved.kept.push_back(std::move(publication));
      }
      if (!in.ok() || !moved.top.known() || moved.kept.size() > moved.top.offset) break;
      if (!store_.put_in(moved, clock_.now())) store_.restart(channel);
      // Listeners see, here and elsewhere, where it stands now.
      news_[channel] = {store_.read(channel, {}, 0, clock_.now()).top, kBeats};
      if (sink_ != nullptr && channels_.contains(channel)) sink_->on_gap(channel);
      return;
    }
    case mesh::Request::key: {
      const Position position = in.position();
      if (!in.ok() || !position.known()) break;
      store_.keys.put(channel, position, clock_.now());  // here it is the key's text
      return;
    }
    case mesh::Request::done:
      if (!in.ok()) break;
      expecting_.erase(session);
      listening_[session] = clock_.now();
      handed_.insert(session);  // it may be heard only later
      return;
    case mesh::Request::publish: {
      const std::string key(in.text());
      const auto envelope = in.text();
      if (!in.ok() || channel.empty()) break;
      if (!may_order(channel)) {
        out.u8(static_cast<uint8_t>(mesh::Status::elsewhere)).position({});
      } else if (envelope.size() > options_.max_message) {
        out.u8(static_cast<uint8_t>(mesh::Status::too_large)).position({});
      } else {
        const auto receipt = order(channel, Bytes::copy(envelope), key);
        out.u8(static_cast<uint8_t>(receipt.duplicate ? mesh::Status::duplicate : mesh::Status::published)).position(receipt.position);
      }
      return send_down(mesh::reply_topic(session), out.view());
    }
    case mesh::Request::read: {
      const Position since = in.position();
      const uint64_t limit = in.u64();
      if (!in.ok()) break;
      if (!may_order(channel)) {
        out.u8(static_cast<uint8_t>(mesh::Status::elsewhere));
        return send_down(mesh::reply_topic(session), out.view());
      }
      const auto page = store_.read(channel, since, static_cast<size_t>(std::min<uint64_t>(limit, 1'000'000)), clock_.now());
      size_t count = 0, bytes = 0;
      for (; count < page.publications.size() && (count == 0 || bytes < kPageBytes); ++count) {
        bytes += page.publications[count]->envelope.size();
      }
      out.u8(static_cast<uint8_t>(mesh::Status::published)).u8(page.continuous ? 1 : 0).position(page.top).u64(count);
      for (size_t i = 0; i < count; ++i) out.publication(*page.publications[i]);
      return send_down(mesh::reply_topic(session), out.view());
    }
  }
  garbage_.add();
}

// This node owns it as far as it knows, and nobody is about to hand it over.
bool ZeromqBroker::may_order(const std::string& channel) const {
  return owner_of(channel) == session_ && (expecting_.empty() || store_.has(channel));
}

PublishReceipt ZeromqBroker::order(std::string channel, Bytes envelope, const std::string& idempotency_key) {
  const auto now = clock_.now();
  std::string key;
  if (!idempotency_key.empty()) {
    key = RecentKeys::key(channel, idempotency_key);
    if (const auto first = store_.keys.find(key, now)) return {*first, true};
  }
  const auto publication = store_.append(std::move(channel), std::move(envelope), now, clock_.wall()).publication;
  if (!key.empty()) store_.keys.put(std::move(key), publication->position, now);
  while (totals_.bytes.load(std::memory_order_relaxed) > options_.history_bytes) store_.drop_oldest();
  mesh::Writer out;
  out.publication(*publication);
  send_down(mesh::channel_topic(publication->channel), out.view());
  news_[publication->channel] = {publication->position, kBeats};
  deliver(publication);
  return {publication->position, false};
}

void ZeromqBroker::send_down(std::string_view topic, std::string_view content) {
  if (!sockets_->below) return;
  sockets_->below->send(zmq::buffer(topic), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
  sockets_->below->send(zmq::buffer(content), zmq::send_flags::dontwait);
}

void ZeromqBroker::beat() {
  for (auto& [address, link] : links_) {
    mesh::Writer ping;
    ping.u8(static_cast<uint8_t>(mesh::Request::ping)).u64(session_).u64(0).text({});
    send_up(*link, ping.take());
  }
  if (!sockets_->below) return;
  auto it = news_.begin();
  do {
    mesh::Writer list;
    uint64_t count = 0;
    while (it != news_.end() && count < kNewsInBeat) {
      list.text(it->first).position(it->second.top);
      ++count;
      it = --it->second.beats == 0 ? news_.erase(it) : std::next(it);
    }
    mesh::Writer out;
    out.u64(session_).u64(++beats_).u8(sink_ == nullptr ? 1 : 0).u64(count);
    send_down(mesh::kHeartbeatTopic, out.take() + list.view());
  } while (it != news_.end());
}

// libzmq asks for each connection that is made: only a node with the mesh's own key comes in.
void ZeromqBroker::check_credentials() {
  if (!sockets_->credentials) return;
  auto& socket = *sockets_->credentials;
  for (;;) {
    std::vector<zmq::message_t> parts(1);
    if (!socket.recv(parts.back(), zmq::recv_flags::dontwait)) return;
    while (parts.back().more()) {
      if (!socket.recv(parts.emplace_back())) return;
    }
    std::array<uint8_t, 32> own{};
    ::zmq_z85_decode(own.data(), sockets_->public_key.c_str());
    const bool ours = parts.size() == 7 && view_of(parts[5]) == "CURVE" && parts[6].size() == own.size() &&
                      std::equal(own.begin(), own.end(), static_cast<const uint8_t*>(parts[6].data()));
    if (!ours) log::warn("a stranger was kept out of the mesh", {{"address", parts.size() > 3 ? view_of(parts[3]) : ""}});
    const std::string id = parts.size() > 1 ? std::string(view_of(parts[1])) : std::string();
    const std::string_view answer[] = {"1.0", id, ours ? "200" : "400", ours ? "OK" : "No access", "", ""};
    for (size_t i = 0; i < std::size(answer); ++i) {
      socket.send(zmq::buffer(answer[i]), i + 1 < std::size(answer) ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
  }
}

}  // namespace holdfast
