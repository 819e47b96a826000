#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/session/sockjs/sockjs_frames.h"
#include "gateway/session/sockjs/sockjs_request.h"
#include "gateway/session/sockjs/sockjs_sessions.h"

namespace holdfast {

// A request that waits for a session's frames, in one answer (a poll) or as they come (a stream). The first one of a session opens it.
// Threads: the loop of its connection; the session calls it through Remote.
class SockjsReceiver final : public SockjsRequest {
 public:
  SockjsReceiver(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, SockjsTransport transport,
                 std::string callback);
  ~SockjsReceiver() override;

  // From the session. One batch; the session is told when it is written, and gives no other before. `last`: the response ends with it.
  void write(const std::vector<std::string>& frames, bool last);
  // Instead of any batch: the backend's refusal.
  void refuse(ResponseHead head, Bytes body);

 private:
  void on_request_read() override;
  void on_writable() override;
  void on_gone() override;
  void join();
  void open(const Remote<SockjsSession>& session);
  ResponseHead head() const;

  const SockjsTransport transport_;
  const std::string callback_;
  const Remote<SockjsReceiver> self_;
  Remote<SockjsSession> session_;
  bool joined_ = false;
  bool begun_ = false;
  bool unsaid_ = false;  // a batch was taken, but the client is slow: that it is written is said later
};

}  // namespace holdfast
