#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "gateway/upstream/core.h"
#include "gateway/upstream/zhttp/message_sockets.h"

namespace holdfast {

// A request that travels as one message: "T" and a tnetstring map of id, method, uri, headers and body; the answer is a map of id, code,
// reason, headers and body. Bodies are whole on both sides. Threads: its loop.
class MessageCall final : public UpstreamCall, Deferred, Timer {
 public:
  MessageCall(std::shared_ptr<UpstreamCore> core, MessageSockets& sockets, UpstreamRequest request, UpstreamHandler& handler);
  ~MessageCall() override;

  void start();

  bool send(Bytes piece, bool last) override;
  void pause() override {}
  void resume() override {}
  const Endpoint& endpoint() const override { return request_.endpoints.front(); }

 private:
  // The way back from the sockets' thread, which may outlast the call.
  struct Ticket {
    std::mutex mutex;
    MessageCall* call;
    Loop* loop;
  };

  void on_deferred() override;
  void on_timer() override;
  void dispatch();
  void on_answer(const std::optional<std::string>& answer);
  void fail(UpstreamError error, const std::string& text);

  std::shared_ptr<UpstreamCore> core_;
  MessageSockets& sockets_;
  UpstreamRequest request_;
  UpstreamHandler& handler_;
  std::shared_ptr<Ticket> ticket_;
  std::string id_;  // empty: not sent yet
  std::string body_;
  bool too_large_ = false;
};

}  // namespace holdfast
