#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"
#include "gateway/session/hold_channels.h"

namespace holdfast {

// Sends one whole response, with CORS and JSON-P as the route wants, and ends the exchange.
void send_whole(Gateway& gateway, Exchange& exchange, const HeldRequest& request, ResponseHead head, Bytes body, bool held);

// A long poll: nothing is sent until a message, the time-out, or another answer of the backend.
class ResponseHold final : public Session, ExchangeObserver, HoldChannels::Owner, Timer {
 public:
  static void start(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, Instruct instruct,
                    const std::vector<std::string>& implicit, Bytes reply_body, std::unique_ptr<HoldChannels> channels);

  ResponseHold(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, const Instruct& instruct, Bytes reply_body,
               std::unique_ptr<HoldChannels> channels);
  ~ResponseHold() override;

  HoldKind kind() const override { return HoldKind::response; }
  std::string peer_address() const override { return exchange_->peer().address; }
  std::vector<std::string> channels() const override { return channels_->names(); }
  void recover() override;
  bool drain() override;

 private:
  void on_body(Bytes, bool) override {}
  void on_writable() override {}
  void on_gone() override { gateway_.finish(*this); }
  void on_timer() override;

  HoldKind hold_kind() const override { return HoldKind::response; }
  bool wants(const Item& item) const override { return item.http_response.has_value(); }
  void on_item(const Item& item, const Delivery* shared, HoldChannels& channels, size_t channel) override;
  void on_unsure(bool at_once) override;
  void on_gap(Gap) override { on_unsure(false); }

  void ask_again();
  void respond(ResponseHead head, Bytes body);

  Gateway& gateway_;
  Exchange* exchange_;
  std::unique_ptr<HeldRequest> request_;
  ResponseHead reply_;  // what the client gets at the time-out
  Bytes reply_body_;
  std::unique_ptr<HoldChannels> channels_;
  TimePoint ends_;
  bool asking_ = false;  // the timer is for asking again
};

}  // namespace holdfast
