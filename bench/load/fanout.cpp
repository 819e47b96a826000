// Holds SSE listeners of one channel at several nodes, publishes through one of them, and says what came, how late, and what it cost whom.
//
//   fanout --edge 127.0.0.1:7999 [--edge ...] --control 127.0.0.1:5561 --listeners 1000 --path /sse/bench --cpu NAME=PID [--cpu ...]
//
// Then a phase per line of standard input, `key=value` with spaces between, answered with a line of JSON:
//
//   warm                                     until every listener hears everything
//   idle seconds=2                           nothing; what does waiting cost?
//   fan seconds=10 conns=16 rate=25          so many messages a second, whatever comes back; latency counts from when each was due
//   fan seconds=10 conns=16 window=32        as many as are delivered, with so many under way
//   publish seconds=5 conns=16 batch=100     items to channels that nobody listens to, as fast as they are answered
//
// One thread. `--listeners` at each edge. CPU time is utime + stime of /proc/PID/stat from the first
// publication to the last delivery.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "measuring.h"

namespace {

using namespace holdfast::bench;
using std::string;
using std::string_view;

constexpr char kMark = '~';        // begins a message's number; in no other byte of a stream
constexpr size_t kDigits = 8;      // of that number
constexpr size_t kPayload = 100;   // bytes of a message
constexpr double kSilence = 5;     // s without anything coming: what is missing then is lost
constexpr double kWarm = 60;       // s for everybody to hear something
constexpr size_t kChannels = 64;   // that `publish` spreads items over
constexpr size_t kMaxConns = 256;  // publishers

struct Listener {
  int fd = -1;
  size_t node = 0;
  bool held = false;
  string rest;                  // what came and is not understood yet
  uint64_t count = 0, sum = 0;  // of this phase: which messages came, and whether once each
};

struct Publisher {
  int fd = -1;
  bool busy = false;
  double began = 0;
  string out, in;
  size_t sent = 0;
  uint32_t message = 0;
};

struct Message {
  double due = 0;
  size_t left = 0;  // listeners that do not have it
};

struct Options {
  std::vector<string> edges;
  string control, path = "/sse/bench";  // whose channel is "bench"
  size_t listeners = 1000;
  std::vector<std::pair<string, int>> processes;
};

struct Phase {
  double seconds = 0, rate = 0;
  size_t window = 0, conns = 1, batch = 1, messages = 0;
  double silence = kSilence;
  bool heard = true;  // listeners get what is published
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), poll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(1 << 16) {}

  void connect() {
    listeners_.resize(options_.edges.size() * options_.listeners);
    const string request = "GET " + options_.path + " HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n";
    for (size_t i = 0; i < listeners_.size(); ++i) {
      auto& listener = listeners_[i];
      listener.node = i % options_.edges.size();
      listener.fd = dial(address(options_.edges[listener.node]));
      if (::send(listener.fd, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) die("cannot send a request");
      watch(listener.fd, i);
    }
    for (const double end = now() + kWarm; held_ < listeners_.size(); turn(0.1))
      if (now() > end) die("only %zu of %zu listeners are held", held_, listeners_.size());
  }

  string warm() {
    const double began = now();
    Phase phase;
    phase.silence = 2;
    for (phase.window = phase.messages = 1; run(phase) != 0;)
      if (now() > began + kWarm) die("%zu of %zu listeners hear nothing", wrong_, listeners_.size());
    phase.messages = 20;
    phase.silence = kSilence;
    if (run(phase) != 0) die("messages were lost while warming up");
    return "{\"seconds\":" + std::to_string(now() - began) + "}";
  }

  string idle(double seconds) {
    begin();
    for (const double end = began_ + seconds; now() < end;) turn(end - now());
    moved_ = now();
    return report(Phase{});
  }

  string measure(const Phase& phase) {
    run(phase);
    return report(phase);
  }

 private:
  void watch(int fd, uint64_t name, uint32_t events = EPOLLIN) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = events;
    event.data.u64 = name;
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0 && ::epoll_ctl(poll_, EPOLL_CTL_MOD, fd, &event) != 0)
      die("epoll: %s", std::strerror(errno));
  }

  void open(Publisher& publisher) {
    publisher.fd = dial(address(options_.control));
    watch(publisher.fd, name_of(publisher));
  }

  uint64_t name_of(const Publisher& publisher) const { return kPublishers + static_cast<uint64_t>(&publisher - publishers_.data()); }

  void begin() {
    base_ += static_cast<uint32_t>(messages_.size());
    messages_.clear();
    delays_.assign(options_.edges.size(), {});
    answers_.clear();
    for (auto& listener : listeners_) listener.count = listener.sum = 0;
    delivered_ = items_ = refused_ = under_way_ = wrong_ = lost_ = 0;
    before_.clear();
    for (const auto& [name, pid] : options_.processes) before_.push_back(cpu_of(pid));
    own_before_ = own_cpu();
    began_ = moved_ = now();
  }

  // Returns how many listeners did not get exactly what was published.
  size_t run(const Phase& phase) {
    for (const auto& publisher : publishers_) ::close(publisher.fd);
    publishers_.assign(phase.conns, {});
    for (auto& publisher : publishers_) open(publisher);
    begin();
    const size_t most = phase.messages ? phase.messages : phase.rate > 0 ? static_cast<size_t>(phase.rate * phase.seconds) : SIZE_MAX;
    // With a rate all messages are said, however late, but for a server that is far behind.
    const double latest = phase.messages ? began_ + kWarm : began_ + (phase.rate > 0 ? 3 * phase.seconds : phase.seconds);
    for (size_t said = 0;;) {
      const double t = now();
      const bool more = said < most && t < latest;
      double wait = 0.2;
      bool blocked = false;
      for (size_t i = 0; more && said < most && i < phase.conns; ++i) {
        if (publishers_[i].busy) continue;
        const double due = phase.rate > 0 ? began_ + static_cast<double>(said) / phase.rate : t;
        if (due > t) wait = std::min(wait, due - t);
        blocked = due > t || (phase.window && under_way_ >= phase.window);
        if (blocked) break;
        say(publishers_[i], phase, due);
        ++said;
      }
      size_t busy = 0;
      for (const auto& publisher : publishers_) busy += publisher.busy;
      if (!more && busy == 0 && under_way_ == 0) break;
      if (now() - moved_ > phase.silence && (busy != 0 || under_way_ != 0)) break;
      turn(wait);
    }
    if (phase.heard && refused_ == 0) count_missing();
    return wrong_;
  }

  void count_missing() {
    uint64_t sum = 0;
    for (size_t i = 0; i < messages_.size(); ++i) sum += base_ + i;
    for (const auto& listener : listeners_) {
      wrong_ += listener.count != messages_.size() || listener.sum != sum;
      lost_ += messages_.size() - std::min<uint64_t>(messages_.size(), listener.count);
    }
  }

  void say(Publisher& publisher, const Phase& phase, double due) {
    string body = "{\"items\":[";
    for (size_t i = 0; i < phase.batch; ++i, ++items_) {
      const uint32_t number = phase.heard ? base_ + static_cast<uint32_t>(messages_.size()) : 0;
      char digits[kDigits + 1];
      std::snprintf(digits, sizeof digits, "%08x", number);
      const string channel = phase.heard ? "bench" : "nobody-" + std::to_string(items_ % kChannels);
      body += string(i ? "," : "") + R"({"channel":")" + channel + R"(","formats":{"http-stream":{"content":")" + kMark + digits +
              string(kPayload - kDigits - 1, 'x') + R"("}}})";
      publisher.message = number;
      if (!phase.heard) continue;
      messages_.push_back({due, listeners_.size()});
      ++under_way_;
    }
    body += "]}";
    publisher.out =
        "POST /publish/ HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    publisher.sent = 0;
    publisher.busy = true;
    publisher.began = now();
    flush(publisher);
  }

  void flush(Publisher& publisher) {
    const ssize_t n = ::send(publisher.fd, publisher.out.data() + publisher.sent, publisher.out.size() - publisher.sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) die("a publisher's connection broke: %s", std::strerror(errno));
    const bool was_partial = publisher.sent > 0;
    publisher.sent += static_cast<size_t>(std::max<ssize_t>(n, 0));
    if (publisher.sent < publisher.out.size())
      watch(publisher.fd, name_of(publisher), EPOLLIN | EPOLLOUT);
    else if (was_partial || n < 0)
      watch(publisher.fd, name_of(publisher));
  }

  void turn(double wait) {
    epoll_event events[512];
    const timespec time{static_cast<time_t>(wait), static_cast<long>((wait - static_cast<double>(static_cast<time_t>(wait))) * 1e9)};
    const int n = ::epoll_pwait2(poll_, events, 512, &time, nullptr);
    for (int i = 0; i < n; ++i) {
      const uint64_t name = events[i].data.u64;
      if (name < kPublishers)
        hear(listeners_[name]);
      else if (events[i].events & EPOLLOUT)
        flush(publishers_[name - kPublishers]);
      else
        answered(publishers_[name - kPublishers]);
    }
  }

  void answered(Publisher& publisher) {
    const ssize_t n = ::recv(publisher.fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 && publisher.busy) die("the node closed a publisher's connection");
    if (n <= 0) {  // it had nothing to do for too long
      ::close(publisher.fd);
      return open(publisher);
    }
    publisher.in.append(buffer_.data(), static_cast<size_t>(n));
    const size_t head = publisher.in.find("\r\n\r\n");
    const size_t field = publisher.in.find("Content-Length: ");
    if (head == string::npos) return;
    if (field > head) die("an answer without a length: %s", publisher.in.c_str());
    if (publisher.in.size() < head + 4 + std::strtoul(publisher.in.c_str() + field + 16, nullptr, 10)) return;
    moved_ = now();
    answers_.push_back(static_cast<uint32_t>((moved_ - publisher.began) * 1e6));
    if (publisher.in.compare(0, 12, "HTTP/1.1 200") != 0) {
      if (refused_++ == 0) std::fprintf(stderr, "fanout: refused: %s\n", publisher.in.c_str());
      refuse(publisher.message);
    }
    publisher.in.clear();
    publisher.busy = false;
  }

  void refuse(uint32_t number) {
    const size_t index = number - base_;
    if (index >= messages_.size() || messages_[index].left == 0) return;
    messages_[index].left = 0;
    --under_way_;
  }

  void hear(Listener& listener) {
    const ssize_t n = ::recv(listener.fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) die("node %zu closed a listener's connection", listener.node + 1);
    string_view came(buffer_.data(), static_cast<size_t>(n));
    if (!listener.rest.empty()) came = listener.rest.append(came);
    if (!listener.held) {
      if (came.find("\r\n\r\n") == string_view::npos) return void(listener.rest = string(came));
      if (!came.starts_with("HTTP/1.1 200")) die("a listener was answered %.*s", static_cast<int>(came.size()), came.data());
      listener.held = true;
      ++held_;
    }
    const double t = now();
    size_t at = 0;
    while ((at = came.find(kMark, at)) != string_view::npos && at + 1 + kDigits <= came.size()) {
      uint32_t number = 0;
      for (size_t i = 1; i <= kDigits; ++i)
        number = number * 16 + static_cast<uint32_t>(came[at + i] <= '9' ? came[at + i] - '0' : came[at + i] - 'a' + 10);
      deliver(listener, number, t);
      at += 1 + kDigits;
    }
    listener.rest = at == string_view::npos ? string() : string(came.substr(at));
  }

  void deliver(Listener& listener, uint32_t number, double t) {
    const size_t index = number - base_;
    if (index >= messages_.size()) return;  // of a phase that gave it up
    ++listener.count;
    listener.sum += number;
    auto& message = messages_[index];
    delays_[listener.node].push_back(static_cast<uint32_t>(std::max(0.0, t - message.due) * 1e6));
    ++delivered_;
    moved_ = t;
    if (message.left > 0 && --message.left == 0) --under_way_;
  }

  string report(const Phase& phase) {
    const double took = moved_ - began_;
    std::ostringstream out;
    out << "{\"seconds\":" << took << ",\"published\":" << items_ << ",\"delivered\":" << delivered_ << ",\"refused\":" << refused_
        << ",\"lost\":" << lost_ << ",\"wrong\":" << wrong_ << ",\"own_busy\":" << (own_cpu() - own_before_) / took
        << ",\"batch\":" << phase.batch << ",\"cpu\":{";
    for (size_t i = 0; i < before_.size(); ++i)
      out << (i ? "," : "") << '"' << options_.processes[i].first << "\":" << cpu_of(options_.processes[i].second) - before_[i];
    out << "},\"answers\":" << percentiles(answers_) << ",\"nodes\":[";
    for (size_t i = 0; i < delays_.size(); ++i)
      out << (i ? "," : "") << "{\"delivered\":" << delays_[i].size() << ",\"delay\":" << percentiles(delays_[i]) << "}";
    out << "]}";
    return out.str();
  }

  static constexpr uint64_t kPublishers = 1ull << 32;  // names of publishers begin here

  Options options_;
  int poll_;
  std::vector<char> buffer_;
  std::vector<Listener> listeners_;
  std::vector<Publisher> publishers_;
  std::vector<Message> messages_;              // of this phase; the first is number base_
  std::vector<std::vector<uint32_t>> delays_;  // us, by node
  std::vector<uint32_t> answers_;              // us
  std::vector<double> before_;
  uint32_t base_ = 1;
  size_t held_ = 0, under_way_ = 0, wrong_ = 0;
  uint64_t delivered_ = 0, items_ = 0, refused_ = 0, lost_ = 0;
  double own_before_ = 0, began_ = 0, moved_ = 0;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const string key = argv[i], value = argv[i + 1];
    if (key == "--edge")
      options.edges.push_back(value);
    else if (key == "--control")
      options.control = value;
    else if (key == "--path")
      options.path = value;
    else if (key == "--listeners")
      options.listeners = std::stoul(value);
    else if (key == "--cpu")
      options.processes.emplace_back(value.substr(0, value.find('=')), std::stoi(value.substr(value.find('=') + 1)));
    else
      die("unknown option %s", key.c_str());
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  Load load(read_options(argc, argv));
  load.connect();
  for (string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    string what, word;
    words >> what;
    std::map<string, double> given;
    while (words >> word) given[word.substr(0, word.find('='))] = std::atof(word.c_str() + word.find('=') + 1);
    Phase phase;
    phase.seconds = given["seconds"];
    phase.rate = given["rate"];
    phase.window = static_cast<size_t>(given["window"]);
    phase.conns = std::clamp<size_t>(static_cast<size_t>(given["conns"]), 1, kMaxConns);
    phase.batch = std::max<size_t>(1, static_cast<size_t>(given["batch"]));
    phase.heard = what == "fan";
    if (what == "warm")
      std::cout << load.warm() << std::endl;
    else if (what == "idle")
      std::cout << load.idle(phase.seconds) << std::endl;
    else if (what == "fan" || what == "publish")
      std::cout << load.measure(phase) << std::endl;
    else
      die("unknown phase %s", what.c_str());
  }
}
