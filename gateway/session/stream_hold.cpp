#include "gateway/session/stream_hold.h"

#include "gateway/session/link_follower.h"
#include "gateway/session/sse.h"

namespace holdfast {

namespace {
constexpr size_t kRawShape = 0;
}

void StreamHold::start(Gateway& gateway, Exchange& exchange, const HeldRequest& request, Instruct instruct, size_t target) {
  auto& hold = gateway.adopt(std::make_unique<StreamHold>(gateway, exchange, request));
  exchange.set_observer(&hold);
  exchange.hold();
  for (const auto& [name, value] : instruct.headers) {
    if (iequals(name, "Content-Type")) hold.sse_ = istarts_with(value, "text/event-stream");
  }
  const Route& route = *request.route;
  if (instruct.next || instruct.gone || !route.prefix.empty() || !route.targets[target].subscriptions.empty()) {
    hold.links_ = std::make_unique<Links>();
    auto& links = *hold.links_;
    links.table = request.table;
    links.route = request.route;
    links.target = target;
    links.secure = request.facts.secure;
    links.host = request.head.headers.get("Host");
    links.uri = request.head.target;
    links.gone = instruct.gone;
    links.implicit = route.targets[target].subscriptions;
    links.active = hold.now();
    links.timer.set_callback([&hold] { hold.arm_link(); });
  }
  hold.apply(instruct, request.began);
}

StreamHold::StreamHold(Gateway& gateway, Exchange& exchange, const HeldRequest& request)
    : gateway_(gateway), exchange_(&exchange), channels_(gateway, gateway.rate_group(*request.route)), last_write_(now()) {
  gateway_.counts.stream_holds.add();
  gateway_.counts.held.add();
}

StreamHold::~StreamHold() {
  gateway_.counts.stream_holds.sub();
  channels_.close(false);
}

// What a backend's reply says about the stream from here on. May end the hold.
void StreamHold::apply(const Instruct& instruct, WallTime asked_at) {
  if (instruct.keep_alive) set_keep_alive(*instruct.keep_alive);
  if (links_) links_->next = instruct.next;
  if (instruct.hold == HoldMode::response) return end("a response hold cannot follow a stream");
  if (instruct.hold == HoldMode::none) {
    if (!instruct.next) return end("");
    return follow(Duration(0));
  }
  const bool has_ids = std::any_of(instruct.channels.begin(), instruct.channels.end(), [](const auto& c) { return c.prev_id.has_value(); });
  if (has_ids && !instruct.next) return end("prev-id on a stream needs a next link");
  if (links_ && links_->next) arm_link();
  static const std::vector<std::string> kNone;
  const bool again = links_ && links_->asked != TimePoint();
  channels_.listen(*this, instruct, links_ ? std::string_view(links_->route->prefix) : std::string_view(),
                   links_ ? links_->implicit : kNone, asked_at, instruct.next.has_value(), again);
}

// ---- messages

void StreamHold::on_item(const Item& item, const Delivery* shared, HoldChannels& channels, size_t channel) {
  const auto& format = *item.http_stream;
  if (format.action == Action::hint) {
    if (links_ && links_->next) follow(Duration(0));
    return;
  }
  if (format.action == Action::close) return end("");
  if (format.action != Action::send) return;
  if (format.has_content_filters && format.content_filters != content_filters(channels.filters(channel))) return;

  WriteResult result;
  if (channels.rewrites(channel)) {
    auto rewritten = channels.rewrite(item, channel, format.content.view());
    if (!rewritten) return gateway_.counts.filtered.add();
    result = exchange_->write(Bytes(std::move(*rewritten)));
  } else if (shared != nullptr) {
    auto& rendering = shared->rendering(kRawShape);
    if (!rendering) rendering = std::make_shared<const Rendering>(format.content);
    result = exchange_->write(*rendering);
  } else {
    result = exchange_->write(format.content);
  }
  if (result != WriteResult::gone) gateway_.counts.delivered.add();
  if (keep_alive_ || links_) {
    last_write_ = now();
    if (links_) links_->active = last_write_;
  }
}

void StreamHold::on_unsure(bool at_once) {
  if (!links_ || !links_->next) return;
  // Two fetches in a row that changed nothing must not become a loop.
  const bool recent = links_->asked != TimePoint() && now() - links_->asked < std::chrono::seconds(1);
  follow(recent ? Duration(1000) : at_once ? Duration(0) : gateway_.pace());
}

void StreamHold::on_gap(Gap gap) {
  if (links_ && links_->next) return on_unsure(false);
  if (sse_) {
    exchange_->write(sse_gap_event(to_string(gap)));
    return;
  }
  // Nobody to ask and no way to say it: the client sees the response break and comes again. Where the operator set a rate, dropping is what
  // was asked for, and metrics tell.
  if (gap == Gap::overflow) return;
  exchange_->abort();
  finish();
}

void StreamHold::recover() {
  if (links_ && links_->next) follow(gateway_.pace());
}

void StreamHold::on_writable() {
  if (links_ && links_->follower) links_->follower->resume();
}

// ---- keep-alive

void StreamHold::set_keep_alive(const KeepAlive& keep_alive) {
  keep_alive_ =
      std::make_shared<const KeepAliveShape>(KeepAliveShape{Rendering(Bytes(keep_alive.content)), keep_alive.timeout, keep_alive.mode});
  arm_keep_alive(now());
}

void StreamHold::arm_keep_alive(TimePoint from) {
  // A little early, by chance: holds that began together don't stay together.
  gateway_.timers().set_at(*this, from + keep_alive_->timeout - gateway_.jitter(Duration(1000)) + Duration(1));
}

void StreamHold::on_timer() {
  if (keep_alive_->mode == KeepAliveMode::idle && now() - last_write_ < keep_alive_->timeout - std::chrono::seconds(1)) {
    return arm_keep_alive(last_write_);
  }
  if (!links_ || !links_->follower) {
    exchange_->write(keep_alive_->content);
    last_write_ = now();
  }
  arm_keep_alive(now());
}

// ---- links

void StreamHold::arm_link() {
  if (!links_->next || links_->follower) return;
  const auto due = links_->active + links_->next->timeout;
  if (due <= now()) return follow(Duration(0));
  gateway_.timers().set_at(links_->timer, due);
}

void StreamHold::follow(Duration delay) {
  if (links_->follower) return;
  gateway_.counts.rerequests.add();
  links_->timer.cancel();
  auto last_ids = channels_.last_ids();
  channels_.keep();
  links_->follower = std::make_unique<LinkFollower>(*this, links_->next->uri, std::move(last_ids));
  links_->follower->start(delay);
}

void StreamHold::end(const std::string& debug_text) {
  if (!debug_text.empty() && links_ && gateway_.debug(*links_->route)) exchange_->write(Bytes("\n\n" + debug_text + "\n"));
  exchange_->end();
  finish();
}

bool StreamHold::drain() {
  if (sse_) exchange_->write(sse_retry(gateway_));
  exchange_->end();
  finish();
  return true;
}

void StreamHold::finish() {
  if (links_ && links_->gone)
    post_gone(gateway_, *links_->route, links_->table, links_->target, links_->secure, links_->host, links_->uri, *links_->gone);
  gateway_.finish(*this);
}

}  // namespace holdfast
