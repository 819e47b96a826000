#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "gateway/session/gateway.h"
#include "gateway/session/sockjs/sockjs_sessions.h"
#include "gateway/session/websocket/client_end.h"

namespace holdfast {

class SockjsEnd;
class SockjsReceiver;
class SockjsSender;

// A SockJS session that requests carry: what waits for its client, the request that waits for it (the receiver), and what the client sent.
// It outlives its WebSocket for a while, so that the client's next request learns how that ended.
// A receiver gets one batch of frames and says when it is written: only then it gets the next, and a batch that it could not write is kept
// for another. So a stream that is not read makes the queue grow here, where it is bounded.
// Threads: the loop of the request that opened it; requests of all loops call it through Remote. Nothing that the end's user does destroys
// it once it is open.
class SockjsSession final : public Session, Timer {
 public:
  SockjsSession(Gateway& gateway, std::string key, Remote<SockjsSession> self, std::string peer);
  ~SockjsSession() override;

  // From requests.
  void attach(const Remote<SockjsReceiver>& receiver, bool is_poll);
  void on_written(const Remote<SockjsReceiver>& receiver);
  // `wrote`: the batch that on_written was not said for is on its way.
  void detach(const Remote<SockjsReceiver>& receiver, bool wrote);
  void take(std::vector<std::string> messages, const Remote<SockjsSender>& sender);

  // From the end. `quoted`: a message for a frame.
  void set_end(SockjsEnd& end) { end_ = &end; }
  void accept();
  void refuse(const ResponseHead& head, const Bytes& body);
  WriteResult relay(std::string_view quoted);
  WriteResult send(std::string_view quoted);
  void close(int code, const std::string& reason);
  void lose(int code, std::string_view reason);  // as close(), and the end's user is told that the client is gone
  void let_go();                                 // the end is over
  void pause() { paused_ = true; }
  void resume();

 private:
  enum class Phase : uint8_t { opening, open, closed };
  struct Receiver {
    Remote<SockjsReceiver> remote;
    bool is_poll = false;
    bool begun = false;   // it was given something
    bool busy = false;    // and has not written it yet
    bool ending = false;  // and ends with it
    size_t sent = 0;
    TimePoint given;
  };
  // What the receiver has not written yet.
  struct Batch {
    bool open = false;
    std::string quoted;
  };
  struct Sent {
    std::vector<std::string> messages;
    size_t size = 0;
    Remote<SockjsSender> sender;
  };

  void pump();
  void give(std::vector<std::string> frames, bool ends);
  void push(std::string_view quoted);
  bool fits(size_t size) const;
  void finish_receiver();
  void deliver();
  void refuse_incoming();
  void end_with(int code, std::string_view reason);
  SockjsEnd* release_end();
  void on_timer() override;

  Gateway& gateway_;
  const std::string key_;
  const Remote<SockjsSession> self_;
  const std::string peer_;
  SockjsEnd* end_ = nullptr;  // null: over
  Phase phase_ = Phase::opening;
  bool open_due_ = false;
  bool paused_ = false;
  bool full_told_ = false;
  std::string queue_;    // messages, quoted, with commas between them
  size_t relayed_ = 0;   // at most so much of the queue came from a sender that waits
  std::string closing_;  // the close frame
  std::optional<Receiver> receiver_;
  Batch batch_;
  std::deque<Sent> incoming_;  // waits for the backend
  size_t incoming_size_ = 0;
};

}  // namespace holdfast
