#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::broker_test {

// A TCP relay between an adapter and its server that a test can cut (connections are refused and those there are closed) or stall (nothing
// moves, nothing is closed). Threads: one of its own; calls from the test's.
class TcpGate {
 public:
  explicit TcpGate(uint16_t target);  // on 127.0.0.1
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  uint16_t port() const { return port_; }
  // Each returns when the relay does so.
  void cut() { set(Mode::cut); }
  void stall() { set(Mode::stalled); }
  void open() { set(Mode::open); }

 private:
  enum class Mode { open, stalled, cut, ended };
  struct Pair {
    int client = -1, server = -1;
    std::string up, down;  // read and not written
  };
  void set(Mode mode);
  void run();
  void accept_one();
  static bool move(int from, int to, std::string& waiting, short from_events, short to_events);

  const uint16_t target_;
  int listener_ = -1;
  int wake_ = -1;
  uint16_t port_ = 0;
  std::atomic<Mode> wanted_{Mode::open};
  std::atomic<Mode> is_{Mode::open};
  std::vector<Pair> pairs_;
  std::thread thread_;
};

// A port on 127.0.0.1 that nobody uses now.
uint16_t free_port();

}  // namespace holdfast::broker_test
