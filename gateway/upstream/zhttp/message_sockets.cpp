#include "gateway/upstream/zhttp/message_sockets.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <set>
#include <sys/eventfd.h>
#include <thread>
#include <unordered_map>

#include <unistd.h>
#include <zmq.hpp>

#include "gateway/base/log.h"
#include "gateway/base/tnetstring.h"

namespace holdfast {

namespace {

constexpr size_t kMostPending = 10'000;
constexpr size_t kMostAddresses = 100;  // as with Pushpin
constexpr int kHighWaterMark = 10'000;

// The id of an answer: "T" and a map.
std::optional<std::string> id_of(std::string_view message) {
  if (!message.starts_with('T')) return std::nullopt;
  const auto value = parse_tnet(message.substr(1));
  if (!value) return std::nullopt;
  const auto id = value->text_of("id");
  return id ? std::optional(std::string(*id)) : std::nullopt;
}

}  // namespace

struct MessageSockets::State {
  struct Message {
    std::string id, content;
  };
  struct Socket {
    std::string address;
    zmq::socket_t socket;
    std::deque<Message> unsent;  // no peer is connected, or none takes more
  };
  struct Order {
    std::string address, id, message;
    Done done;  // null: forget the id
  };

  State() : wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    ring();
    if (thread.joinable()) thread.join();
    ::close(wake);
  }

  void ring() const {
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake, &one, sizeof one);
  }

  void run();
  void take_orders();
  void obey(Order& order);
  void send_on(Socket& socket);
  void read(Socket& socket);

  zmq::context_t context{1};
  const int wake;
  std::atomic<uint64_t> last_id{0};
  std::mutex mutex;
  std::vector<Order> orders;
  std::vector<std::unique_ptr<Socket>> bound;  // handed to the thread
  std::set<std::string> addresses;
  bool stopping = false;

  // The thread's.
  std::vector<std::unique_ptr<Socket>> sockets;
  std::unordered_map<std::string, Done> pending;
  std::thread thread;  // last: it uses all of these
};

void MessageSockets::State::run() {
  for (;;) {
    std::vector<zmq::pollitem_t> items{{nullptr, wake, ZMQ_POLLIN, 0}};
    for (auto& socket : sockets) {
      items.push_back({socket->socket.handle(), 0, static_cast<short>(socket->unsent.empty() ? ZMQ_POLLIN : ZMQ_POLLIN | ZMQ_POLLOUT), 0});
    }
    zmq::poll(items, std::chrono::milliseconds(-1));
    uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake, &count, sizeof count);
    for (auto& socket : sockets) {
      read(*socket);
      send_on(*socket);
    }
    take_orders();
    const std::lock_guard lock(mutex);
    if (stopping) break;
  }
  sockets.clear();
  for (auto& [id, done] : pending) done(std::nullopt);
  for (auto& order : orders) {
    if (order.done) order.done(std::nullopt);
  }
}

void MessageSockets::State::take_orders() {
  std::vector<Order> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(orders);
    for (auto& socket : bound) sockets.push_back(std::move(socket));
    bound.clear();
  }
  for (auto& order : taken) obey(order);
}

void MessageSockets::State::obey(Order& order) {
  if (!order.done) {
    pending.erase(order.id);
    return;
  }
  for (auto& socket : sockets) {
    if (socket->address != order.address || pending.size() >= kMostPending) continue;
    pending.emplace(order.id, std::move(order.done));
    socket->unsent.push_back({std::move(order.id), std::move(order.message)});
    return send_on(*socket);
  }
  order.done(std::nullopt);
}

void MessageSockets::State::send_on(Socket& socket) {
  for (; !socket.unsent.empty(); socket.unsent.pop_front()) {
    const auto& message = socket.unsent.front();
    if (!pending.contains(message.id)) continue;  // its client was answered or left
    // A REP on the other side expects an empty frame before the message.
    if (!socket.socket.send(zmq::message_t(), zmq::send_flags::sndmore | zmq::send_flags::dontwait)) return;
    socket.socket.send(zmq::buffer(message.content), zmq::send_flags::dontwait);
  }
}

void MessageSockets::State::read(Socket& socket) {
  zmq::message_t part;
  while (socket.socket.recv(part, zmq::recv_flags::dontwait)) {
    if (part.more()) continue;
    const std::string_view message(static_cast<const char*>(part.data()), part.size());
    const auto id = id_of(message);
    const auto waiting = id ? pending.find(*id) : pending.end();
    if (waiting == pending.end()) {
      log::debug("a message that answers no request is ignored", {{"socket", socket.address}, {"bytes", message.size()}});
      continue;
    }
    const Done done = std::move(waiting->second);
    pending.erase(waiting);
    done(std::string(message));
  }
}

MessageSockets::MessageSockets() : state_(std::make_unique<State>()) {}
MessageSockets::~MessageSockets() = default;

std::vector<std::string> MessageSockets::bind(const std::vector<std::string>& addresses) {
  std::vector<std::string> problems;
  const std::lock_guard lock(state_->mutex);
  for (const auto& address : addresses) {
    if (state_->addresses.contains(address)) continue;
    if (state_->addresses.size() >= kMostAddresses) {
      problems.push_back(address + ": there are 100 message sockets already");
      continue;
    }
    try {
      zmq::socket_t socket(state_->context, zmq::socket_type::dealer);
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::sndhwm, kHighWaterMark);
      socket.set(zmq::sockopt::rcvhwm, kHighWaterMark);
      socket.bind(address);
      state_->bound.push_back(std::make_unique<State::Socket>(State::Socket{address, std::move(socket)}));
      state_->addresses.insert(address);
    } catch (const zmq::error_t& error) {
      problems.push_back(address + ": " + error.what());
    }
  }
  // A node without such targets has no such thread.
  if (!addresses.empty() && !state_->thread.joinable()) state_->thread = std::thread([state = state_.get()] { state->run(); });
  state_->ring();
  return problems;
}

std::string MessageSockets::new_id() { return "holdfast-" + std::to_string(++state_->last_id); }

void MessageSockets::request(const std::string& address, std::string id, std::string message, Done done) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->orders.push_back({address, std::move(id), std::move(message), std::move(done)});
  }
  state_->ring();
}

void MessageSockets::forget(const std::string& id) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->orders.push_back({{}, id, {}, nullptr});
  }
  state_->ring();
}

}  // namespace holdfast
