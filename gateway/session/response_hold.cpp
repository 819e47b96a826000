#include "gateway/session/response_hold.h"

#include "gateway/message/body_patch.h"
#include "gateway/session/proxy_session.h"

namespace holdfast {

void send_whole(Gateway& gateway, Exchange& exchange, const HeldRequest& request, ResponseHead head, Bytes body, bool held) {
  if (request.jsonp) {
    auto wrapped = wrap_jsonp(*request.jsonp, head, body.view(), held);
    head = std::move(wrapped.head);
    body = std::move(wrapped.body);
  }
  if (gateway.cross_origin(*request.route)) add_cors(request.cors, head.headers);
  exchange.respond(head, {Framing::length, body.size()});
  exchange.write(std::move(body));
  exchange.end();
}

void ResponseHold::start(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, Instruct instruct,
                         const std::vector<std::string>& implicit, Bytes reply_body, std::unique_ptr<HoldChannels> channels) {
  const bool believe = request->asked_again;
  const WallTime asked_at = request->began;
  const Route& route = *request->route;
  auto& hold = gateway.adopt(
      std::make_unique<ResponseHold>(gateway, exchange, std::move(request), instruct, std::move(reply_body), std::move(channels)));
  exchange.set_observer(&hold);
  exchange.hold();
  gateway.timers().set_at(hold, hold.ends_);
  // Last: it may end the hold.
  hold.channels_->listen(hold, instruct, route.prefix, implicit, asked_at, false, believe);
}

ResponseHold::ResponseHold(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, const Instruct& instruct,
                           Bytes reply_body, std::unique_ptr<HoldChannels> channels)
    : gateway_(gateway),
      exchange_(&exchange),
      request_(std::move(request)),
      reply_{instruct.status, instruct.reason, instruct.headers},
      reply_body_(std::move(reply_body)),
      channels_(channels ? std::move(channels) : std::make_unique<HoldChannels>(gateway, gateway.rate_group(*request_->route))),
      ends_(gateway.timers().now() + instruct.timeout) {
  gateway_.counts.response_holds.add();
  gateway_.counts.held.add();
}

ResponseHold::~ResponseHold() {
  gateway_.counts.response_holds.sub();
  // A client that polls again soon finds the channel's ids and subscription still there.
  if (channels_) channels_->close(true);
}

void ResponseHold::on_timer() {
  if (asking_) return ask_again();
  gateway_.counts.timeouts.add();
  respond(std::move(reply_), std::move(reply_body_));
}

bool ResponseHold::drain() {
  respond(std::move(reply_), std::move(reply_body_));
  return true;
}

void ResponseHold::recover() { on_unsure(false); }

void ResponseHold::on_unsure(bool at_once) {
  // Two answers in a row that changed nothing must not become a loop.
  const bool recent = request_->asked_again && gateway_.wall() - request_->began < std::chrono::seconds(1);
  if (at_once && !recent) return ask_again();
  if (asking_) return;
  asking_ = true;
  gateway_.timers().set_in(*this, recent ? Duration(1000) : gateway_.pace());
}

// The original request goes to the backend once more; the subscriptions stay and keep what arrives until its answer is there.
void ResponseHold::ask_again() {
  gateway_.counts.rerequests.add();
  auto last_ids = channels_->last_ids();
  channels_->keep();
  request_->asked_again = true;
  auto& gateway = gateway_;
  ProxySession::start(gateway, *exchange_, std::move(request_), std::move(channels_), std::move(last_ids));
  gateway.finish(*this);
}

void ResponseHold::on_item(const Item& item, const Delivery*, HoldChannels& channels, size_t channel) {
  const auto& format = *item.http_response;
  if (format.action == Action::hint) return ask_again();
  if (format.action != Action::send) return;
  if (format.has_content_filters && format.content_filters != content_filters(channels.filters(channel))) return;

  ResponseHead head;
  head.status = format.code;
  head.reason = format.reason;
  head.headers = reply_.headers;
  for (const auto& [name, value] : format.headers) {
    if (istarts_with(name, "Grip-")) continue;
    head.headers.remove(name);
  }
  for (const auto& [name, value] : format.headers) {
    if (!istarts_with(name, "Grip-")) head.headers.add(name, value);
  }
  // In a pushed message this header takes away: the reverse of what it does in an instruction, as Pushpin has it.
  for (const auto hidden : format.headers.all("Grip-Expose-Headers")) head.headers.remove(hidden);

  Bytes body = format.body;
  if (format.body_patch) {
    body = Bytes(apply_body_patch(reply_body_.view(), *format.body_patch).value_or(std::string()));
  }
  if (channels.rewrites(channel)) {
    auto rewritten = channels.rewrite(item, channel, body.view());
    if (!rewritten) return;
    body = Bytes(std::move(*rewritten));
  }
  gateway_.counts.delivered.add();
  respond(std::move(head), std::move(body));
}

void ResponseHold::respond(ResponseHead head, Bytes body) {
  send_whole(gateway_, *exchange_, *request_, std::move(head), std::move(body), true);
  gateway_.finish(*this);
}

}  // namespace holdfast
