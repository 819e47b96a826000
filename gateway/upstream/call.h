#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/upstream/connection.h"
#include "gateway/upstream/core.h"
#include "gateway/upstream/dial.h"
#include "gateway/upstream/outgoing.h"
#include "gateway/upstream/pool.h"

namespace holdfast {

// One request on its way: it finds a connection (an idle one, a new one, or after waiting), lets it carry the request, and tells the
// handler. While nothing was sent it goes on to the next endpoint. The handler may destroy the call from inside each callback, so telling
// the handler is always the last thing done here. Threads: its loop.
class Call final : public UpstreamCall, ConnectionUser, DialUser, Waiter, Deferred, Timer {
 public:
  Call(std::shared_ptr<UpstreamCore> core, UpstreamRequest request, UpstreamHandler& handler);
  ~Call() override;

  void start();

  bool send(Bytes piece, bool last) override;
  void pause() override;
  void resume() override;
  const Endpoint& endpoint() const override;

 private:
  struct Failure {
    UpstreamError error;
    std::string text;
  };

  // Finding a connection.
  void approach();
  void dial();
  void next_endpoint(bool blocked, const std::string& text);
  void on_turn() override;
  void on_dialed(std::unique_ptr<Stream> stream) override;
  void on_dial_failed(bool blocked, std::string text) override;
  void on_timer() override;

  // The request on a connection. `soon`: the handler is inside a call to us.
  enum class When { now, soon };
  void begin(std::unique_ptr<Connection> connection, When when);
  void offer_room();
  void on_stale() override;
  void on_drained() override;
  void on_response_head(ResponseHead head, BodyFraming framing) override;
  void on_response_body(Bytes piece) override;
  void on_response_end(bool reusable) override;
  void on_broken(UpstreamError error, const std::string& text) override;
  void on_deferred() override;

  void let_go();
  void fail(UpstreamError error, const std::string& text);
  void fail_soon(UpstreamError error, std::string text);

  std::shared_ptr<UpstreamCore> core_;
  UpstreamHandler& handler_;
  std::vector<Endpoint> endpoints_;
  const std::string method_;
  const bool upgrade_;
  Outgoing outgoing_;
  const Duration timeout_;
  size_t index_ = 0;  // of endpoints_
  Pool* pool_ = nullptr;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<Connection> connection_;
  std::string tried_;
  std::optional<Failure> failure_;  // told soon
  bool only_blocked_ = true;        // of the endpoints tried
  bool waiting_ = false;            // in the pool's line
  bool invited_ = false;            // the handler was asked for the body
  bool asked_ = false;              // the handler waits for room
  bool flush_soon_ = false;
  bool held_back_once_ = false;
  bool paused_ = false;
  bool finished_ = false;
};

}  // namespace holdfast
