#include "gateway/net/server.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/net/http1_connection.h"

namespace holdfast {

void declare(OptionSet& set, EdgeOptions& o) {
  OptionSet::Section section(set, "edge");
  set.size("max_request_head", o.max_request_head, "Largest request line and header block.").range(1024, 65536);
  set.integer("max_header_fields", o.max_header_fields, "Most header fields in a request.").range(1, 1000);
  set.size("max_request_target", o.max_request_target, "Longest path and query.").range(64, 65536);
  set.size("max_request_body", o.max_request_body, "Largest request body; 0 means no limit, since bodies are streamed.")
      .range(0, INT64_MAX);
  set.duration("head_timeout", o.head_timeout, "From the first byte of a request, or from connecting, to its whole head.")
      .range(100, 600000);
  set.duration("idle_timeout", o.idle_timeout, "Closes a kept-alive connection without a request.").range(100, 86400000);
  set.size("body_min_rate", o.body_min_rate, "Bytes a second that a request body must keep up after the grace; 0 switches it off.")
      .range(0, 1 << 30);
  set.duration("body_grace", o.body_grace, "How long a request body may be slower than the rate.").range(100, 600000);
  set.duration("write_stall", o.write_stall, "Drops a client that takes nothing for so long while bytes wait for it.").range(100, 3600000);
  set.size("hold_queue", o.hold_queue, "Unsent bytes of a held connection; a client past it is dropped and counted.").range(1024, 1 << 30);
  set.size("send_buffer", o.send_buffer, "Unsent bytes that the kernel may hold for a connection.").range(4096, 1 << 30);
  set.integer("max_connections", o.max_connections, "Connections of one loop; more are answered 503.").range(1, 10000000);
}

char* read_buffer() {
  static thread_local std::unique_ptr<char[]> buffer(new char[kReadBuffer]);
  return buffer.get();
}

// One listening socket of one loop.
class Acceptor final : public Watch {
 public:
  Acceptor(HttpServer::State& server, int socket, std::shared_ptr<const TlsContext> tls)
      : server_(server), socket_(socket), tls_(std::move(tls)) {
    server_.loop.add(socket_, *this);
    retry_.set_callback([this] { on_events(0); });
  }
  ~Acceptor() {
    server_.loop.remove(socket_, *this);
    ::close(socket_);
  }
  void set_tls(std::shared_ptr<const TlsContext> tls) { tls_ = std::move(tls); }

  void on_events(uint32_t) override {
    // A burst of connects must not keep the loop from those that are open.
    for (int i = 0; i < 64; ++i) {
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      const int fd = ::accept4(socket_, reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        server_.accept(fd, PeerAddress(address), tls_);
        continue;
      }
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN) pause(errno);
      return;
    }
    server_.loop.nudge(*this);
  }

 private:
  // Out of descriptors or memory: those that are open go on, new ones wait in the backlog.
  void pause(int why) {
    log::warn("cannot accept connections for now", {{"reason", std::strerror(why)}});
    server_.loop.timers().set_in(retry_, Duration(100));
  }

  HttpServer::State& server_;
  int socket_;
  std::shared_ptr<const TlsContext> tls_;
  CallbackTimer retry_;
};

HttpServer::State::State(Loop& l, const EdgeOptions& o, ExchangeHandler& h, Metrics& metrics)
    : loop(l),
      options(o),
      limits{static_cast<size_t>(o.max_request_head), static_cast<size_t>(o.max_header_fields), static_cast<size_t>(o.max_request_target)},
      handler(h),
      open(metrics.gauge("holdfast_connections", "Client connections that are open.")),
      accepted(metrics.counter("holdfast_connections_accepted_total", "Client connections accepted.")),
      refused(metrics.counter("holdfast_connections_refused_total", "Client connections refused because there were too many.")),
      requests(metrics.counter("holdfast_requests_total", "Requests whose head was read.")),
      bad_requests(metrics.counter("holdfast_bad_requests_total", "Requests refused because they were malformed or too large.")),
      slow_dropped(metrics.counter("holdfast_slow_clients_dropped_total", "Clients dropped because they did not read.")),
      queue_bytes(metrics.gauge("holdfast_queue_bytes", "Bytes that wait for clients to take them.")),
      limit_(metrics.gauge("holdfast_connections_limit", "Client connections that this node takes, all loops together.")),
      lag_(metrics) {
  limit_.add(options.max_connections);
}

HttpServer::State::~State() {
  acceptors.clear();
  for (auto* connection : connections) delete connection;
  queue_bytes.sub(told_queued_);
  limit_.sub(options.max_connections);
}

void HttpServer::State::accept(int socket, const PeerAddress& peer, const std::shared_ptr<const TlsContext>& tls) {
  const int one = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  auto stream = tls ? make_tls_server_stream(loop, socket, *tls) : make_stream(loop, socket);
  auto* connection = new Http1Connection(*this, std::move(stream), peer, tls != nullptr);
  connection->place = static_cast<uint32_t>(connections.size());
  connections.push_back(connection);
  open.add();
  if (connections.size() > static_cast<size_t>(options.max_connections)) {
    refused.add();
    return connection->refuse(503, "Too many connections.");
  }
  accepted.add();
  connection->start();
}

void HttpServer::State::mark(Http1Connection& connection) {
  if (connection.marked) return;
  connection.marked = true;
  marked_.push_back(&connection);
  schedule();
}

void HttpServer::State::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  loop.at_turn_end([this] { run_marked(); });
}

void HttpServer::State::bury(Http1Connection& connection) {
  connections[connection.place] = connections.back();
  connections[connection.place]->place = connection.place;
  connections.pop_back();
  open.sub();
  buried_.emplace_back(&connection);
  schedule();
}

void HttpServer::State::delivered(WallTime published) {
  if (cursor_ < marked_.size()) lag_.note(marked_.size(), published);  // else no connection took it
}

// One slice: a channel with very many listeners must not keep the loop from everything else.
void HttpServer::State::run_marked() {
  constexpr size_t kSlice = 512;
  scheduled_ = false;
  const size_t until = std::min(marked_.size(), cursor_ + kSlice);
  while (cursor_ < until) {
    Http1Connection* connection = marked_[cursor_++];
    connection->marked = false;
    connection->step();
  }
  lag_.written(cursor_, loop.timers().clock());
  if (cursor_ == marked_.size()) {
    marked_.clear();
    cursor_ = 0;
    buried_.clear();  // nobody points to them any more
  } else {
    schedule();
  }
  if (queued != told_queued_) {
    queue_bytes.add(queued - told_queued_);
    told_queued_ = queued;
  }
}

HttpServer::HttpServer(Loop& loop, const EdgeOptions& options, ExchangeHandler& handler, Metrics& metrics)
    : state_(std::make_unique<State>(loop, options, handler, metrics)) {}
HttpServer::~HttpServer() = default;

size_t HttpServer::listen(int socket, std::shared_ptr<const TlsContext> tls) {
  state_->acceptors.push_back(std::make_unique<Acceptor>(*state_, socket, std::move(tls)));
  return state_->acceptors.size() - 1;
}

void HttpServer::set_tls(size_t listener, std::shared_ptr<const TlsContext> tls) {
  if (listener < state_->acceptors.size()) state_->acceptors[listener]->set_tls(std::move(tls));
}

void HttpServer::stop_accepting() {
  state_->draining = true;
  state_->acceptors.clear();
  const auto connections = state_->connections;  // closing takes them out
  for (auto* connection : connections) connection->close_if_idle();
}

void HttpServer::delivered(WallTime published) { state_->delivered(published); }
size_t HttpServer::connections() const { return state_->connections.size(); }

}  // namespace holdfast
