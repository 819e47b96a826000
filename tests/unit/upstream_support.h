#pragma once

#include <arpa/inet.h>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "gateway/net/loop.h"
#include "gateway/upstream/address.h"
#include "gateway/upstream/client.h"

namespace holdfast::upstream_test {

constexpr auto kPatience = std::chrono::seconds(20);  // far more than anything here takes

// One connection at the server's end, with blocking calls.
class Peer {
 public:
  explicit Peer(int socket = -1) : socket_(socket) {
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  Peer(Peer&& other) noexcept : socket_(std::exchange(other.socket_, -1)), rest_(std::move(other.rest_)) {}
  Peer& operator=(Peer&& other) noexcept {
    close();
    socket_ = std::exchange(other.socket_, -1);
    rest_ = std::move(other.rest_);
    return *this;
  }
  ~Peer() { close(); }

  int socket() const { return socket_; }
  explicit operator bool() const { return socket_ >= 0; }

  // Up to and with `mark`; "" if the client ended before.
  std::string read_until(const std::string& mark) {
    for (;;) {
      if (const size_t at = rest_.find(mark); at != std::string::npos) return take(at + mark.size());
      if (!more()) return "";
    }
  }
  std::string read_head() { return read_until("\r\n\r\n"); }
  std::string read(size_t count) {
    while (rest_.size() < count && more()) {
    }
    return take(std::min(count, rest_.size()));
  }
  // Whether the client closed (having sent nothing more).
  bool ended() { return rest_.empty() && !more() && rest_.empty(); }

  bool send(const std::string& text) {
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t now = ::send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return false;
      sent += static_cast<size_t>(now);
    }
    return true;
  }
  // Unix sockets only: they know what the other end has not read yet.
  bool send_and_wait_until_read(const std::string& text) {
    if (!send(text)) return false;
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (int unread = 1; unread > 0;) {
      if (::ioctl(socket_, SIOCOUTQ, &unread) != 0 || std::chrono::steady_clock::now() > deadline) return false;
      if (unread > 0) std::this_thread::yield();
    }
    return true;
  }
  void answer(const std::string& body) { send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body); }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

 private:
  bool more() {
    char buffer[65536];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got > 0) rest_.append(buffer, static_cast<size_t>(got));
    return got > 0;
  }
  std::string take(size_t count) {
    std::string out = rest_.substr(0, count);
    rest_.erase(0, count);
    return out;
  }

  int socket_;
  std::string rest_;
};

// A backend that does what its script says, in a thread of its own.
class Backend {
 public:
  using Script = std::function<void(Backend&)>;

  explicit Backend(Script script, bool unix_socket = false, const std::string& address = "127.0.0.1") {
    if (unix_socket) {
      char folder[] = "/tmp/upstream_test_XXXXXX";
      folder_ = ::mkdtemp(folder);
      endpoint.unix_socket = true;
      endpoint.host = folder_ + "/socket";
      sockaddr_un name{};
      name.sun_family = AF_UNIX;
      std::strncpy(name.sun_path, endpoint.host.c_str(), sizeof name.sun_path - 1);
      listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    } else {
      auto name = *literal_address(address);
      listener_ = ::socket(name.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
      EXPECT_EQ(::bind(listener_, name.get(), name.length), 0) << address;
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&name.storage), &name.length);
      endpoint.host = address;
      // In the same place for both families.
      endpoint.port = ntohs(reinterpret_cast<const sockaddr_in*>(&name.storage)->sin_port);
    }
    const int small = 1 << 16;  // some kernels buffer tens of megabytes, where backpressure would not show
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    EXPECT_EQ(::listen(listener_, 64), 0);
    thread_ = std::thread([this, script = std::move(script)] { script(*this); });
  }
  ~Backend() {
    finish();
    ::close(listener_);
    if (!folder_.empty()) {
      ::unlink(endpoint.host.c_str());
      ::rmdir(folder_.c_str());
    }
  }
  // Waits for the script.
  void finish() {
    if (thread_.joinable()) thread_.join();
  }

  Peer accept() {
    const timeval patience{20, 0};
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (!endpoint.unix_socket) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return Peer(socket);
  }

  Endpoint endpoint;

 private:
  int listener_ = -1;
  std::string folder_;
  std::thread thread_;
};

// A port of 127.0.0.1 where nobody listens.
inline Endpoint refused_endpoint() {
  Endpoint endpoint;
  {
    const Backend gone([](Backend&) {});
    endpoint = gone.endpoint;
  }
  return endpoint;
}

// Writes down what a handler is told. The hooks run on the loop, after the note.
class Recorder final : public UpstreamHandler {
 public:
  struct Seen {
    std::string order;  // R(oom) H(ead) B(ody) E(nd) X (error), repeated B once
    ResponseHead head;
    BodyFraming framing;
    std::string body;
    size_t pieces = 0;
    UpstreamError error{};
    std::string text;
    bool over() const { return order.find_first_of("EX") != std::string::npos; }
    bool ok() const { return order.find('E') != std::string::npos; }
  };

  void on_send_ready() override {
    tell('R', [](Seen&) {}, ready);
  }
  void on_head(ResponseHead head, BodyFraming framing) override {
    tell('H', [&](Seen& seen) { seen.head = std::move(head), seen.framing = framing; }, at_head);
  }
  void on_body(Bytes piece) override {
    tell('B', [&](Seen& seen) { seen.body.append(piece.view()), ++seen.pieces; }, at_body);
  }
  void on_end() override {
    tell('E', [](Seen&) {}, at_end);
  }
  void on_error(UpstreamError error, const std::string& text) override {
    tell('X', [&](Seen& seen) { seen.error = error, seen.text = text; }, at_error);
  }

  // What was seen when `enough` was true.
  template <class Enough>
  Seen wait(Enough enough) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return enough(seen_); })) << "told so far: " << seen_.order << " " << seen_.text;
    return seen_;
  }
  Seen wait() {
    return wait([](const Seen& seen) { return seen.over(); });
  }
  Seen now() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  // A test's call into UpstreamCall during which nothing may be told.
  template <class Calls>
  void inside_call(Calls calls) {
    inside_ = true;
    calls();
    inside_ = false;
  }

  std::unique_ptr<UpstreamCall> call;  // the loop's
  std::function<void()> ready, at_head, at_body, at_end, at_error;

 private:
  template <class Note>
  void tell(char what, Note note, const std::function<void()>& hook) {
    {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(seen_.over()) << "told " << what << " after " << seen_.order;
      EXPECT_FALSE(inside_) << what << " was told from inside a call";
      if (what != 'B' || seen_.order.empty() || seen_.order.back() != 'B') seen_.order += what;
      note(seen_);
    }
    if (hook) hook();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;
  bool inside_ = false;
};

// A loop in a thread with a client on it.
class Rig {
 public:
  explicit Rig(const UpstreamOptions& options = {})
      : loop_(clock_, metrics_), client_(std::make_unique<UpstreamClient>(loop_, options, metrics_)) {
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Rig() {
    on_loop([this] {
      for (auto& recorder : recorders_) recorder.call.reset();
      client_.reset();
    });
    loop_.stop();
    thread_.join();
  }

  void on_loop(std::function<void()> work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  void drop_client() { client_.reset(); }  // on the loop
  Recorder& recorder() { return recorders_.emplace_back(); }

  // On the loop.
  void request_here(Recorder& recorder, UpstreamRequest request) {
    recorder.inside_call([&] { recorder.call = client_->request(std::move(request), recorder); });
  }
  Recorder& request(UpstreamRequest request) {
    auto& made = recorder();
    on_loop([&] { request_here(made, std::move(request)); });
    return made;
  }
  Recorder& get(const Endpoint& endpoint, const std::string& target = "/") { return request(get_request(endpoint, target)); }

  static UpstreamRequest get_request(const Endpoint& endpoint, const std::string& target = "/") {
    UpstreamRequest request;
    request.endpoints = {endpoint};
    request.head.method = "GET";
    request.head.target = target;
    request.head.headers.add("Host", "backend.test");
    return request;
  }
  static UpstreamRequest post_request(const Endpoint& endpoint, BodyFraming body) {
    auto request = get_request(endpoint);
    request.head.method = "POST";
    request.body = body;
    return request;
  }

  int64_t metric(const std::string& name, const Metrics::Labels& labels = {}) { return metrics_.gauge(name, "", labels).value(); }
  int64_t connects() { return metrics_.counter("holdfast_upstream_connects_total", "").value(); }
  int64_t outcomes(const std::string& outcome) {
    return metrics_.counter("holdfast_upstream_requests_total", "", {{"outcome", outcome}}).value();
  }
  int64_t open_connections() { return metrics_.gauge("holdfast_upstream_connections", "").value(); }
  template <class Condition>
  bool wait_on_loop(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    bool met = false;
    while (!met && std::chrono::steady_clock::now() < deadline) {
      on_loop([&] { met = condition(); });
      std::this_thread::yield();
    }
    return met;
  }

  Loop& loop() { return loop_; }

 private:
  SystemClock clock_;
  Metrics metrics_;
  Loop loop_;
  std::unique_ptr<UpstreamClient> client_;
  std::deque<Recorder> recorders_;
  std::thread thread_;
};

}  // namespace holdfast::upstream_test
