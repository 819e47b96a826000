#include "adapters/zeromq/zeromq_broker.h"

#include <future>
#include <random>

#include "adapters/support/errors.h"
#include "adapters/zeromq/peer_names.h"
#include "adapters/zeromq/sockets.h"
#include "adapters/zeromq/wire.h"
#include "gateway/base/log.h"

namespace holdfast {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

uint64_t random_number() {
  std::random_device device;
  uint64_t number = 0;
  while (number == 0) number = (static_cast<uint64_t>(device()) << 32) | device();
  return number;
}

MemoryLimits limits_of(const ZeromqOptions& options) {
  MemoryLimits limits;
  limits.messages = static_cast<size_t>(options.history_messages);
  limits.age = options.history_age;
  limits.channels = static_cast<size_t>(options.max_channels);
  return limits;
}

bool is_loopback(std::string_view address) {
  return !address.starts_with("tcp://") || address.starts_with("tcp://127.") || address.starts_with("tcp://[::1]") ||
         address.starts_with("tcp://localhost:");
}

}  // namespace

Result<void> check(const ZeromqOptions& options) {
  char key[41];
  if (!options.secret_key.empty() && ::zmq_curve_public(key, options.secret_key.c_str()) != 0) {
    return invalid("broker.zeromq.secret_key: not a CURVE key");
  }
  if (options.secret_key.empty() && !options.bind.empty() && !is_loopback(options.bind) && !options.allow_plain) {
    return invalid("broker.zeromq.bind: " + options.bind +
                   " can be reached by others: set broker.zeromq.secret_key, or allow_plain where nobody else is on the network");
  }
  return {};
}

ZeromqBroker::ZeromqBroker(const ZeromqOptions& options, const Clock& clock, Metrics& metrics)
    : options_(options),
      clock_(clock),
      session_(random_number()),
      garbage_(metrics.counter("holdfast_zeromq_garbage_total", "Frames of the mesh that were not of its form.")),
      links_gauge_(metrics.gauge("holdfast_zeromq_links", "Other nodes of the mesh that this one hears.")),
      waiting_gauge_(metrics.gauge("holdfast_zeromq_waiting_bytes", "Bytes of publications that wait for another node's answer.")),
      lost_(metrics.counter("holdfast_zeromq_losses_total", "Times that heartbeats showed that something was missed.")),
      sockets_(std::make_unique<Sockets>()),
      totals_(random_number()),
      store_(limits_of(options), totals_) {
  totals_.kept_bytes = &metrics.gauge("holdfast_zeromq_history_bytes", "Bytes of messages kept for clients that come back.");
  thread_ = std::thread([this] { run(); });
}

ZeromqBroker::~ZeromqBroker() {
  stop();
  inbox_.end();
  thread_.join();
}

// Before start(): the thread does not look at the sockets yet.
Result<void> ZeromqBroker::bind() {
  auto& s = *sockets_;
  if (auto checked = check(options_); !checked) return checked;
  try {
    if (!options_.secret_key.empty()) {
      char key[41];
      ::zmq_curve_public(key, options_.secret_key.c_str());
      s.public_key = key;
      s.credentials.emplace(s.context, zmq::socket_type::rep);
      s.credentials->set(zmq::sockopt::linger, 0);
      s.credentials->bind("inproc://zeromq.zap.01");
    }
    if (options_.bind.empty()) return {};
    s.below.emplace(s.context, zmq::socket_type::xpub);
    s.below->set(zmq::sockopt::linger, 500);  // the word that it leaves
    s.below->set(zmq::sockopt::sndhwm, static_cast<int>(options_.high_water_mark));
    s.below->set(zmq::sockopt::ipv6, 1);
    watch(*s.below, options_.peer_timeout);
    s.below->set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(options_.max_message) + 65536);
    if (!s.public_key.empty()) {
      s.below->set(zmq::sockopt::curve_server, 1);
      s.below->set(zmq::sockopt::curve_secretkey, options_.secret_key);
    }
    s.below->bind(options_.bind);
  } catch (const zmq::error_t& error) {
    return invalid("broker.zeromq.bind: " + options_.bind + ": " + error.what());
  }
  return {};
}

// ---- from any thread

void ZeromqBroker::start(BrokerSink& sink) {
  inbox_.post([this, &sink] {
    sink_ = &sink;
    started_at_ = beat_at_ = clock_.now();
    names_ = std::make_unique<mesh::PeerNames>(options_.peers, options_.resolve_every, [this](std::set<std::string> addresses) {
      inbox_.post([this, addresses = std::move(addresses)] { set_peers(addresses); });
    });
  });
}

void ZeromqBroker::stop() {
  std::promise<void> stopped;
  inbox_.post([&] {
    const bool ran = std::exchange(sink_, nullptr) != nullptr;
    names_.reset();
    if (ran) leave();
    for (auto& [address, link] : links_) link_down(*link, "stopped");
    for (auto& [at, call] : std::exchange(timers_, {})) call();  // each finds that nothing runs any more
    links_.clear();
    sockets_->below.reset();
    channels_.clear();
    stopped.set_value();
  });
  stopped.get_future().wait();
}

// The bound is kept here, since the thread may be behind.
void ZeromqBroker::publish(std::vector<PublishRequest> messages, ReceiptsDone done) {
  size_t size = 0;
  for (const auto& message : messages) size += message.envelope.size();
  if (waiting_bytes_.fetch_add(size) + size > options_.max_waiting && !messages.empty()) {
    waiting_bytes_ -= size;
    return inbox_.post([count = messages.size(), done = std::move(done)] {
      done(std::vector<Result<PublishReceipt>>(count, unavailable("too many publications are under way")));
    });
  }
  waiting_gauge_.add(static_cast<int64_t>(size));
  auto counted = [this, size, done = std::move(done)](std::vector<Result<PublishReceipt>> receipts) {
    waiting_bytes_ -= size;
    waiting_gauge_.sub(static_cast<int64_t>(size));
    done(std::move(receipts));
  };
  inbox_.post([this, messages = std::move(messages), counted = std::move(counted)]() mutable {
    do_publish(std::move(messages), std::move(counted));
  });
}

void ZeromqBroker::read(const std::string& channel, Position since, size_t limit, PageDone done) {
  auto reading = std::make_shared<Reading>(Reading{channel, limit, std::move(done), {}});
  inbox_.post([this, reading = std::move(reading), since] { do_read(reading, since); });
}

void ZeromqBroker::subscribe(const std::vector<std::string>& channels, Done done) {
  inbox_.post([this, channels, done = std::move(done)]() mutable { do_subscribe(channels, std::move(done)); });
}

void ZeromqBroker::unsubscribe(const std::vector<std::string>& channels, Done done) {
  inbox_.post([this, channels, done = std::move(done)] {
    if (sink_ == nullptr) return done(unavailable("the broker is not running"));
    for (const auto& channel : channels) {
      if (channels_.erase(channel) == 0) continue;
      store_.set_subscribed(channel, false);
      for (auto& [address, link] : links_) send_up(*link, '\0' + mesh::channel_topic(channel));
    }
    done({});
  });
}

// ---- the thread

void ZeromqBroker::run() {
  for (;;) {
    std::vector<zmq::pollitem_t> polled{{nullptr, inbox_.fd(), ZMQ_POLLIN, 0}};
    if (sink_ != nullptr) {
      if (sockets_->below) polled.push_back({sockets_->below->handle(), 0, ZMQ_POLLIN, 0});
      if (sockets_->credentials) polled.push_back({sockets_->credentials->handle(), 0, ZMQ_POLLIN, 0});
      for (auto& [address, link] : links_) {
        if (!link->self) polled.push_back({link->socket.handle(), 0, ZMQ_POLLIN, 0});
      }
    }
    zmq::poll(polled, until_next());
    if (sink_ != nullptr) {
      check_credentials();
      read_below();
      for (auto& [address, link] : links_) read_link(*link);
    }
    take_posted();
    keep_time();
    if (inbox_.over()) return;
  }
}

void ZeromqBroker::take_posted() {
  inbox_.run_posted();
  // One question confirms all that was subscribed to in this turn.
  for (auto& [address, link] : links_) {
    if (link->probes.contains(0)) probe(*link);
  }
}

milliseconds ZeromqBroker::until_next() const {
  if (sink_ == nullptr) return milliseconds(-1);
  TimePoint next = beat_at_;
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (!timers_.empty()) next = std::min(next, timers_.begin()->first);
  return std::max(milliseconds(0), duration_cast<milliseconds>(next - clock_.now()) + milliseconds(1));
}

void ZeromqBroker::keep_time() {
  if (sink_ == nullptr) return;
  const auto now = clock_.now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) take_waiting(deadlines_.begin()->second)(nullptr);
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto call = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    call();
  }
  std::erase_if(expecting_, [&](const auto& node) { return now >= node.second; });
  if (now >= beat_at_) {
    beat_at_ = now + options_.heartbeat;
    beat();
  }
  for (auto it = links_.begin(); it != links_.end();) {
    Link& link = *it->second;
    const bool silent = now - link.heard > options_.peer_timeout;
    if (link.up && silent) link_down(link, "nothing was heard within " + format_duration(options_.peer_timeout));
    if (!link.wanted && !link.up) {
      it = links_.erase(it);
      continue;
    }
    // A question may be lost with its connection.
    if (link.asked && now - link.asked_at > options_.heartbeat) probe(link);
    ++it;
  }
  std::erase_if(listening_, [&](const auto& node) {
    if (now - node.second <= options_.peer_timeout) return false;
    handed_.erase(node.first);
    return true;
  });
  judge_health();
}

void ZeromqBroker::judge_health() {
  const auto now = clock_.now();
  if (!settled_ && looked_up_) {
    bool all = true;
    for (const auto& [address, link] : links_) all = all && (link->up || link->self);
    settled_ = all || now - started_at_ > options_.peer_timeout;
  }
  const bool alone = !heard_anybody(now);
  const bool healthy = settled_ && !alone;
  if (healthy == healthy_ && (told_health_ || !settled_)) return;
  healthy_ = healthy;
  told_health_ = true;
  size_t up = 0;
  for (const auto& [address, link] : links_) up += link->up ? 1 : 0;
  if (healthy) log::info("the ZeroMQ mesh is there", {{"nodes", up + (sockets_->below ? 1 : 0)}});
  sink_->on_health(healthy, healthy ? "ZeroMQ mesh with " + std::to_string(up) + " other nodes" : "ZeroMQ mesh: no other node is heard");
}

// Whoever hears nobody cannot tell a lonely node from a cut cable: it must not take messages that nobody will get.
bool ZeromqBroker::heard_anybody(TimePoint) const {
  bool others = false;
  for (const auto& [address, link] : links_) {
    if (link->up) return true;
    others = others || !link->self;
  }
  return !listening_.empty() || (!others && sockets_->below);
}

}  // namespace holdfast
