#pragma once

#include <memory>

#include "gateway/session/sockjs/sockjs_request.h"
#include "gateway/session/sockjs/sockjs_sessions.h"

namespace holdfast {

// A request with messages of the client. It is answered when the backend has taken them: a client that waits for answers is slowed down.
// Threads: the loop of its connection; the session calls it through Remote.
class SockjsSender final : public SockjsRequest {
 public:
  SockjsSender(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, bool is_form);
  ~SockjsSender() override;

  enum class Outcome {
    taken,
    gone,  // there is no such session
    full,
  };
  void on_taken(Outcome outcome);

 private:
  void on_request_read() override;

  const bool is_form_;  // jsonp_send
  const Remote<SockjsSender> self_;
};

}  // namespace holdfast
