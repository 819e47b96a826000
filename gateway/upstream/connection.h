#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/net/chunked.h"
#include "gateway/net/stream.h"
#include "gateway/upstream/core.h"
#include "gateway/upstream/outgoing.h"

namespace holdfast {

class Pool;

// What a connection tells the request that it carries. May abandon() the request from inside any of these.
class ConnectionUser {
 public:
  // The peer closed a kept connection before it took a byte: nothing was sent, and another connection may be given the same.
  virtual void on_stale() = 0;
  virtual void on_drained() = 0;  // some of what waited was written
  virtual void on_response_head(ResponseHead head, BodyFraming framing) = 0;
  virtual void on_response_body(Bytes piece) = 0;
  // Nothing follows the last two. `reusable`: the connection is ready for another request.
  virtual void on_response_end(bool reusable) = 0;
  virtual void on_broken(UpstreamError error, const std::string& text) = 0;

 protected:
  ~ConnectionUser() = default;
};

// One HTTP/1.1 connection to a backend, carrying one request at a time. Reads go through one buffer of the thread, so an idle connection
// owns its socket, a deadline and little else. Threads: its loop.
class Connection final : StreamUser, Timer {
 public:
  Connection(UpstreamCore& core, Pool& pool, std::unique_ptr<Stream> stream);
  ~Connection() override;

  // Starts a request. `outgoing`, `method` and the user stay valid until the request is over or abandoned.
  // `upgrade`: a 101 turns the connection into a tunnel.
  void carry(ConnectionUser& user, Outgoing& outgoing, std::string_view method, bool upgrade, Duration timeout);
  // Writes what it can, at once. May say on_stale(), nothing else. False: the peer takes no more of the request (its answer may still
  // come).
  bool flush();
  bool takes_more() const { return !write_failed_; }
  // Stops reading the body: nothing more is told but the end, if it is known already.
  void pause();
  // True: bytes that were read before the pause wait for deliver_backlog().
  bool resume();
  void deliver_backlog();
  void abandon();

  bool is_tunnel() const { return tunnel_; }
  bool looks_alive();
  void go_idle();
  void close();

 private:
  enum class Phase : uint8_t { head, body };

  void read_more();
  void on_stream_readable() override;
  void check_idle();
  void take(std::string_view data);
  void take_heads(std::string_view data, size_t searched);
  void wait_for_head(std::string_view data, size_t searched);
  void start_tunnel(ResponseHead head, std::string_view rest);
  void expect_more();
  void start_body(ResponseHead head, BodyFraming framing, std::string_view rest);
  void take_body(std::string_view data);
  void peer_ended(bool orderly);
  void finish(bool nothing_follows);
  void break_off(UpstreamError error, const std::string& text);

  void on_stream_writable() override;
  void after_write(bool progress);

  void set_deadline(TimePoint when);
  void set_deadline_in(Duration delay) { set_deadline(core_.timers().now() + delay); }
  void on_timer() override;
  void expire();

  UpstreamCore& core_;
  Pool& pool_;
  std::unique_ptr<Stream> stream_;
  ConnectionUser* user_ = nullptr;  // none: idle or closed
  Outgoing* outgoing_ = nullptr;
  std::string_view method_;
  Duration timeout_{0};
  Duration idle_for_{0};
  TimePoint deadline_ = TimePoint::max();
  TimePoint armed_for_;

  std::string kept_;       // the beginning of a head; or body bytes that were read with the head and came into a pause
  uint64_t left_ = 0;      // of a body with a length
  size_t head_bytes_ = 0;  // of heads that were read for this request
  ChunkedDecoder chunks_;
  BodyFraming framing_;
  Phase phase_ = Phase::head;
  bool upgrade_ = false;  // asked for
  bool tunnel_ = false;
  bool keep_alive_ = false;
  bool paused_ = false;
  bool reading_ = false;  // a wait is pending
  bool writing_ = false;
  bool reused_ = false;
  bool wrote_ = false;  // a byte of this request was taken
  bool write_failed_ = false;
};

}  // namespace holdfast
