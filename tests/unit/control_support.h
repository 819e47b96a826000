#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "control/http/server.h"
#include "control/service.h"

namespace holdfast::control {

// Takes publications and answers on a thread of its own, as an adapter does.
class FakeBroker final : public Broker {
 public:
  using Verdict = std::function<Result<PublishReceipt>(const PublishRequest&)>;

  FakeBroker() : thread_([this] { run(); }) {}
  ~FakeBroker() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void start(BrokerSink&) override {}
  void stop() override {}
  void subscribe(const std::vector<std::string>&, Done) override {}
  void unsubscribe(const std::vector<std::string>&, Done) override {}
  History* history() override { return nullptr; }

  void publish(std::vector<PublishRequest> messages, ReceiptsDone done) override {
    const std::lock_guard lock(mutex_);
    std::vector<Result<PublishReceipt>> receipts;
    for (const PublishRequest& message : messages) {
      channels_.push_back(message.channel);
      receipts.push_back(verdict_ ? verdict_(message) : PublishReceipt{});
    }
    if (lost_receipts_ > 0) receipts.resize(receipts.size() - std::min(receipts.size(), lost_receipts_), PublishReceipt{});
    jobs_.push_back([done = std::move(done), receipts = std::move(receipts)] { done(receipts); });
    changed_.notify_all();
  }

  void judge(Verdict verdict) {
    set([&] { verdict_ = std::move(verdict); });
  }
  void hold() {
    set([&] { held_ = true; });
  }
  void release() {
    set([&] { held_ = false; });
  }
  void lose_receipts(size_t count) {
    set([&] { lost_receipts_ = count; });
  }
  std::vector<std::string> channels() {
    const std::lock_guard lock(mutex_);
    return channels_;
  }
  bool wait_for_messages(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return channels_.size() >= count; });
  }

 private:
  template <class Change>
  void set(Change change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ended_ || (!held_ && !jobs_.empty()); });
      if (jobs_.empty()) return;
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::string> channels_;
  Verdict verdict_;
  size_t lost_receipts_ = 0;
  bool held_ = false;
  bool ended_ = false;
  std::thread thread_;
};

class FakeNode final : public NodeFacts {
 public:
  void recover() override { ++recovered; }
  std::vector<std::string> alive(const std::vector<std::string>&) override { return {}; }
  bool refresh(const std::string&) override { return false; }
  bool disconnect(const std::string&) override { return false; }
  bool listened(const std::string&) override { return false; }
  std::vector<ChannelInfo> channels(const std::string&, size_t) override { return {}; }
  ChannelInfo channel(const std::string&) override { return {}; }
  std::vector<ConnectionInfo> connections(const ConnectionQuery&) override { return {}; }
  Held held() override { return {}; }
  void drain() override { ++drained; }
  void watch(const std::string& channel, std::optional<Position> since, std::shared_ptr<WatchFeed> feed) override {
    watched = channel;
    from = since;
    feed->push({.kind = WatchEvent::Kind::live, .position = {7, 1}});
    feeds.push_back(std::move(feed));
  }
  std::vector<std::shared_ptr<WatchFeed>> feeds;
  std::atomic<int> drained{0};
  std::string watched;
  std::optional<Position> from;
  std::atomic<int> recovered{0};
};

// A plain TCP client: what it sends is what is on the wire.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    EXPECT_TRUE(connected_);
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // Stops silently when the peer closes: some tests send more than the server wants.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }
  void end() { ::shutdown(socket_, SHUT_WR); }

  // One answer with its body; "" when the peer closed before one was complete.
  std::string answer() {
    for (;;) {
      if (const size_t size = complete(); size > 0) {
        std::string out = seen_.substr(0, size);
        seen_.erase(0, size);
        return out;
      }
      if (!more()) return {};
    }
  }
  // Everything until the peer closes.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(seen_, {});
  }
  // The peer has closed, or does within the deadline.
  bool closed() { return rest().empty() && !timed_out_; }

 private:
  size_t complete() const {
    const size_t head = seen_.find("\r\n\r\n");
    if (head == std::string::npos) return 0;
    if (seen_.starts_with("HTTP/1.1 100")) return head + 4;
    const size_t field = seen_.find("Content-Length: ");
    const size_t length = field < head ? std::stoul(seen_.substr(field + 16)) : 0;
    return seen_.size() >= head + 4 + length ? head + 4 + length : 0;
  }
  bool more() {
    pollfd watched{socket_, POLLIN, 0};
    timed_out_ = ::poll(&watched, 1, 10'000) <= 0;
    if (timed_out_) return false;
    char buffer[8192];
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    seen_.append(buffer, static_cast<size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool timed_out_ = false;
  std::string seen_;
};

inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline int status_of(const std::string& answer) { return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0; }
inline std::string body_of(const std::string& answer) {
  const size_t head = answer.find("\r\n\r\n");
  return head == std::string::npos ? "" : answer.substr(head + 4);
}
inline bool has_field(const std::string& answer, const std::string& field) {
  return answer.substr(0, answer.find("\r\n\r\n") + 2).find("\r\n" + field + "\r\n") != std::string::npos;
}

// A whole door on a free port.
class DoorTest : public testing::Test {
 protected:
  void open(HttpControlOptions options = {}, AuthOptions auth = {}) {
    options.address = "127.0.0.1:0";
    authenticator_ = std::make_unique<Authenticator>(std::move(auth), clock_, metrics_);
    const auto loaded = authenticator_->load();
    ASSERT_TRUE(loaded) << loaded.error().text;
    server_ = std::make_unique<HttpServer>(std::move(options), service_, *authenticator_, metrics_);
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().text;
    ASSERT_NE(server_->port(), 0);
  }

  static std::string items(const std::string& channel = "news") {
    return R"({"items":[{"channel":")" + channel + R"(","formats":{"http-stream":{"content":"hello"}}}]})";
  }
  static std::string post(const std::string& body, const std::string& fields = "", const std::string& path = "/publish/") {
    return "POST " + path + " HTTP/1.1\r\nHost: control\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
  }
  static std::string chunked(const std::string& chunks, const std::string& fields = "") {
    return "POST /publish/ HTTP/1.1\r\nHost: control\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n" + chunks;
  }
  static std::string chunk(const std::string& data) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    return size + data + "\r\n";
  }
  std::string ask(const std::string& request) {
    RawClient client(server_->port());
    client.send(request);
    return client.answer();
  }

  FakeBroker broker_;
  FakeNode node_;
  Metrics metrics_;
  SystemClock clock_;
  Fleet fleet_{broker_, node_, {"n1", "here", "all", "test"}, clock_, metrics_};
  Service service_{broker_, node_, fleet_, metrics_};
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace holdfast::control
