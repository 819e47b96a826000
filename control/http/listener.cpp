#include "control/http/listener.h"

#include <atomic>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

#include <httplib.h>
#include <unistd.h>

#include "control/elastic_pool.h"
#include "control/http/connection.h"
#include "control/http/event_streams.h"
#include "control/http/parking.h"
#include "control/http/problem.h"
#include "control/http/turn.h"
#include "gateway/base/log.h"

namespace holdfast::control {
namespace {

constexpr int kBacklog = 1024;
constexpr Duration kListenAgain = std::chrono::milliseconds(100);

// An accepted socket's first step, on the accepting thread: it is only parked, or refused.
class Inline final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override { task(); }
  void shutdown() override {}
};

}  // namespace

// cpp-httplib binds, listens and accepts; an accepted socket is ours (request_guard.h says why).
class Listener::Core final : private httplib::Server {
 public:
  Core(RequestHandler& handler, ListenerLimits limits, Metrics& metrics, const std::string& door, const TlsAcceptor* tls)
      : handler_(handler),
        tls_(tls),
        limits_(limits),
        open_(metrics.gauge("holdfast_control_connections", "Open connections of publishers and probes.", {{"door", door}})),
        limit_(metrics.gauge("holdfast_control_connections_limit", "Connections that a door takes.", {{"door", door}})),
        refused_(metrics.counter("holdfast_control_refused_total", "Connections refused because there were too many.", {{"door", door}})),
        pool_({.threads = limits.threads, .waiting = limits.connections}),
        streams_(limits.streams, metrics.gauge("holdfast_control_streams", "Open streams of publishers and readers.",
                                               {{"door", door}, {"kind", "subscribe"}})),
        parking_(limits.idle, [this](ConnectionPtr connection) { work_on(std::move(connection)); }) {
    new_task_queue = [] { return new Inline; };  // the library takes it
    // SO_REUSEADDR only: with the library's SO_REUSEPORT a second process would silently share the port.
    set_socket_options([](socket_t socket) {
      const int on = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    limit_.add(static_cast<int64_t>(limits_.connections));
  }

  ~Core() override {
    stop_all();
    limit_.sub(static_cast<int64_t>(limits_.connections));
  }

  Result<void> start(const ListenAddress& address) {
    stop_signal_ = eventfd(0, EFD_CLOEXEC);
    if (stop_signal_ < 0) return fail(ErrorKind::internal, "cannot make an eventfd");
    if (auto bound = bind(address); !bound) return bound;
    if (auto started = parking_.start(); !started) return started;
    if (limits_.streams > 0) {
      if (auto started = streams_.start(); !started) return started;
    }
    try {
      acceptor_ = std::thread([this, address] { accept_until_stopped(address); });
    } catch (const std::system_error& error) {
      return fail(ErrorKind::internal, std::string("cannot start a thread: ") + error.what());
    }
    return {};
  }

  uint16_t port() const { return port_; }

  void stop_all() {
    stopping_ = true;
    if (acceptor_.joinable()) {
      // Server::stop() does nothing before the loop has begun.
      while (!accepting_ended_ && !is_running()) std::this_thread::yield();
      httplib::Server::stop();
      acceptor_.join();
    }
    if (const socket_t left = svr_sock_.exchange(INVALID_SOCKET); left != INVALID_SOCKET) ::close(left);
    if (stop_signal_ >= 0) eventfd_write(stop_signal_, 1);
    parking_.stop();
    pool_.close();
    streams_.stop();
    if (stop_signal_ >= 0) ::close(std::exchange(stop_signal_, -1));
  }

 private:
  Result<void> bind(const ListenAddress& address) {
    set_address_family(address.ipv6 ? AF_INET6 : AF_INET);
    // Bound again after trouble, it must be the port that publishers know.
    int port = port_ != 0 ? port_.load() : address.port;
    if (port == 0)
      port = bind_to_any_port(address.host);
    else if (!bind_to_port(address.host, port))
      port = -1;
    if (port < 0) return fail(ErrorKind::unavailable, "cannot listen on " + address.host + " port " + std::to_string(address.port));
    port_ = static_cast<uint16_t>(port);
    ::listen(svr_sock_, kBacklog);  // the library's 5 makes a burst of publishers wait a second for their SYN to be sent again
    return {};
  }

  // The library ends its loop on any trouble with accept() other than a lack of descriptors: the door must not be lost by that.
  void accept_until_stopped(const ListenAddress& address) {
    while (!stopping_) {
      listen_after_bind();
      if (stopping_) break;
      log::warn("the control door stopped accepting and listens again", {{"port", port_.load()}});
      std::this_thread::sleep_for(kListenAgain);
      if (!stopping_) (void)bind(address);
    }
    accepting_ended_ = true;
  }

  bool process_and_close_socket(socket_t socket) override {
    if (stopping_ || open_.count >= limits_.connections) {
      refuse(socket);
      return false;
    }
    parking_.park(std::make_shared<Connection>(socket, stop_signal_, open_, tls_ != nullptr ? tls_->accept(socket) : nullptr));
    return true;
  }

  // Runs on the accepting thread, so it costs three system calls and waits for nobody.
  void refuse(socket_t socket) {
    refused_.add();
    const std::string text = render({.status = 503, .body = "Too many connections.\n"}, true, true);
    if (tls_ == nullptr) (void)::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(socket, SHUT_WR);
    ::close(socket);
  }

  // Takes a connection with input to a worker.
  void work_on(ConnectionPtr connection) {
    if (pool_.offer([this, connection] { serve(connection); })) return;
    refused_.add();
    if (tls_ == nullptr) (void)connection->send(render({.status = 503, .body = "Too busy.\n"}, true, true));
  }

  void serve(const ConnectionPtr& connection) noexcept {
    try {
      if (!connection->shake_hands(std::chrono::steady_clock::now() + limits_.request)) return;
      for (;;) {
        auto turn = take_turn(*connection, handler_, {.head = limits_.head, .patience = limits_.request, .stopping = stopping_});
        if (turn.events) return stream(connection, std::move(turn.events));
        if (!turn.again) return;
        if (!connection->input().empty()) {
          if (!pool_.pressed()) continue;
          return work_on(connection);  // a pipelining publisher goes to the end of the queue as everybody does
        }
        const auto next = pool_.crowded() ? Connection::Next::not_yet : connection->receive_soon();
        if (next == Connection::Next::not_yet) return parking_.park(connection);
        if (next == Connection::Next::gone) return;
      }
    } catch (const std::exception& error) {
      log::error("a control connection failed", {{"reason", error.what()}});
    }
  }

  void stream(const ConnectionPtr& connection, std::shared_ptr<EventSource> events) {
    if (streams_.add(connection, std::move(events))) return;
    refused_.add();
    (void)connection->send(render(problem(503, "Too many streams."), true, true));
  }

  RequestHandler& handler_;
  const TlsAcceptor* tls_;
  const ListenerLimits limits_;
  OpenConnections open_;
  Count& limit_;
  Count& refused_;
  std::atomic<uint16_t> port_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> accepting_ended_{false};
  int stop_signal_ = -1;
  ElasticPool pool_;
  EventStreams streams_;
  Parking parking_;
  std::thread acceptor_;
};

Listener::Listener(RequestHandler& handler, ListenerLimits limits, Metrics& metrics, const std::string& door, const TlsAcceptor* tls)
    : core_(std::make_unique<Core>(handler, limits, metrics, door, tls)) {}
Listener::~Listener() = default;
Result<void> Listener::start(const ListenAddress& address) { return core_->start(address); }
uint16_t Listener::port() const { return core_->port(); }
void Listener::stop() { core_->stop_all(); }

}  // namespace holdfast::control
