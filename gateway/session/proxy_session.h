#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/base/trace.h"
#include "gateway/grip/instruct.h"
#include "gateway/net/exchange.h"
#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"
#include "gateway/session/hold_channels.h"
#include "gateway/upstream/client.h"

namespace holdfast {

// A request on its way to a backend and the answer on its way back, until the answer is through or says "hold this".
// Bodies stream both ways; each side waits for the other.
class ProxySession final : public Session, ExchangeObserver, UpstreamHandler {
 public:
  // `channels`: of the hold that asks its backend again; they keep what arrives meanwhile. `last_ids` go with it as Grip-Last.
  static void start(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, std::unique_ptr<HoldChannels> channels,
                    std::vector<std::pair<std::string, std::string>> last_ids);

  ProxySession(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, std::unique_ptr<HoldChannels> channels,
               std::vector<std::pair<std::string, std::string>> last_ids);
  ~ProxySession() override;

 private:
  // What is done with the body of the backend's reply.
  enum class Reply { none, relay, collect, stream };

  // Client.
  void on_body(Bytes piece, bool last) override;
  void on_writable() override;
  void on_gone() override;
  // Backend.
  void on_send_ready() override;
  void on_head(ResponseHead head, BodyFraming framing) override;
  void on_body(Bytes piece) override;
  void on_end() override;
  void on_error(UpstreamError error, const std::string& text) override;

  bool again() const { return channels_ != nullptr; }
  const Route& route() const { return *request_->route; }
  const Target& target() const { return route().targets[target_]; }
  bool has_whole_body() const { return again() || request_->jsonp.has_value(); }

  void try_target();
  void trace(RequestHead& head);
  void next_target(const std::string& tried);
  void retry_later(UpstreamError error);
  void relay(ResponseHead head, BodyFraming framing);
  void open_stream(BodyFraming framing);
  bool write(Bytes piece);
  void interpret_collected();
  void respond_whole(ResponseHead head, Bytes body, bool held);
  void become_hold(Bytes reply_body);
  void bad_instruct(const std::string& reason);
  void fail(int status, const std::string& text);
  void fail_origin(int status, const std::string& debug_text);

  Gateway& gateway_;
  Exchange* exchange_;
  std::unique_ptr<HeldRequest> request_;
  std::unique_ptr<HoldChannels> channels_;
  std::vector<std::pair<std::string, std::string>> last_ids_;
  size_t target_ = 0;
  std::string tried_;
  std::unique_ptr<UpstreamCall> call_;
  std::unique_ptr<Span> span_;  // from the first target that is tried to the end; null: not traced

  Reply reply_ = Reply::none;
  ResponseHead head_;
  Instruct instruct_;
  std::string collected_;
  Meta meta_;  // of the instruction, for filter_
  std::unique_ptr<ReplyFilter> filter_;
  bool pulling_ = false;
  bool request_sent_ = false;
  bool responded_ = false;
  int attempts_ = 0;
  CallbackTimer retry_;
};

// Where the requests of a target go.
Endpoint endpoint_of(const Target& target, std::string_view host);
// How a reply is framed towards the client.
BodyFraming client_framing(std::string_view method, const ResponseHead& head, BodyFraming framing);

}  // namespace holdfast
