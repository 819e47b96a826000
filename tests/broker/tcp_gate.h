#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::broker_test {

// A TCP relay between an adapter and its server that a test breaks. Threads: one of its own; calls from the test's.
class TcpGate {
 public:
  explicit TcpGate(uint16_t target);  // on 127.0.0.1
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  uint16_t port() const { return port_; }
  // Each returns when the relay does so.
  void cut() { set(Mode::cut); }        // resets the connections that are there, and lets no new ones in
  void stall() { set(Mode::stalled); }  // nothing moves, nothing is closed
  void mute() { set(Mode::muted); }     // what the server says does not come; what it is told does
  void open() { set(Mode::open); }
  // The connections that are there never move again, and nobody is told: half-open. New ones are served.
  void strand() { set(Mode::stranding), open(); }
  // The connections that are there are served whatever is done later.
  void spare() { set(Mode::sparing), open(); }

 private:
  enum class Mode { open, stalled, muted, cut, stranding, sparing, ended };
  struct Pair {
    int client = -1, server = -1;
    std::string up, down;  // read and not written
    bool stranded = false, spared = false;
  };
  void set(Mode mode);
  void run();
  void enter(Mode mode);
  bool is_muted(const Pair& pair) const { return is_ == Mode::muted && !pair.spared; }
  void accept_one();
  void forget(size_t pair, bool reset);
  static bool move(int from, int to, std::string& waiting, short events);

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
