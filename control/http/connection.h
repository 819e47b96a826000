#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/http/handler.h"
#include "control/http/tls_stream.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"

namespace holdfast::control {

// How many connections of a door live: for its bound, and for the scrape.
struct OpenConnections {
  explicit OpenConnections(Count& shown) : gauge(shown) {}
  std::atomic<size_t> count{0};
  Count& gauge;
};

// One accepted socket with what was received and not yet used. Waits end early when the door stops.
// Threads: one at a time. Owns: the socket. A socket of ours is waited for by poll: descriptors of a gateway pass 1024, the end of select.
class Connection final : public Peer {
 public:
  // `stop_signal` is a descriptor that becomes readable when the door stops. `tls`: null for a plain connection.
  Connection(int socket, int stop_signal, OpenConnections& open, std::unique_ptr<TlsStream> tls = nullptr);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Before anything else; twice is harmless. False: there is no TLS to be had with this peer, or not in time.
  bool shake_hands(TimePoint deadline);

  // One read, waited for. False: the peer is gone, the time is up or the door stops; `timed_out()` tells whether it was the time.
  bool receive(TimePoint deadline);
  bool timed_out() const { return timed_out_; }

  enum class Next { here, not_yet, gone };
  // One read, waited for a moment (20 ms), on a plain connection in the one system call: a busy publisher's next request costs no poll and
  // no hand-over.
  Next receive_soon();

  // Has the kernel acknowledge at once what came: a client that sends head and body apart, with Nagle's algorithm on, would wait 40 ms.
  void acknowledge() const;

  std::string_view input() const { return std::string_view(input_).substr(used_); }
  void use(size_t count);

  // All of it, or false: the peer is gone or does not read.
  bool send(std::string_view bytes) const;
  // What the peer takes now: 0, nothing; nullopt: it is gone.
  std::optional<size_t> send_now(std::string_view bytes) const;
  // Lets the peer read the last answer although it is still sending: closing at once would reset the connection and lose the answer.
  void close_gently();

  int socket() const { return socket_; }
  std::string address() const override;
  const std::vector<std::string>& certificate_names() const override { return certificate_names_; }

 private:
  enum class Wait { ready, timed_out, stopping };
  Wait wait(short events, TimePoint deadline) const;
  bool wait_for(TlsStream::Outcome wanted, TimePoint deadline) const;
  enum class Got { bytes, nothing_yet, end };
  Got read_once(int flags);
  bool send_some(std::string_view& bytes, TimePoint deadline) const;

  const int socket_;
  const int stop_signal_;
  OpenConnections& open_;
  const std::unique_ptr<TlsStream> tls_;
  bool hands_shaken_ = false;
  std::string input_;
  size_t used_ = 0;
  bool timed_out_ = false;
  std::vector<std::string> certificate_names_;
};

}  // namespace holdfast::control
