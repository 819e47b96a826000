#include "gateway/session/direct_hold.h"

#include "gateway/session/direct_listener.h"
#include "gateway/session/sse.h"
#include "gateway/session/websocket/direct_socket.h"

namespace holdfast {

namespace {

constexpr size_t kRawShape = 0;
constexpr size_t kSseShape = 1;
constexpr std::string_view kGapHeader = "X-Holdfast-Gap";
const Rendering kSseComment(Bytes::literal(": keep-alive\n\n"));
const Rendering kNewline(Bytes::literal("\n"));

// A direct hold on an exchange, whose client only listens.
class DirectExchange : public DirectListener, public ExchangeObserver {
 public:
  DirectExchange(Gateway& gateway, Exchange& exchange, const HeldRequest& request)
      : DirectListener(gateway, request), exchange_(&exchange) {
    exchange.set_observer(this);
  }

  std::string peer_address() const final { return exchange_->peer().address; }

 protected:
  void on_body(Bytes, bool) final {}
  void on_writable() final {}
  void on_gone() final { gateway_.finish(*this); }

  Exchange* exchange_;
};

class DirectStream final : public DirectExchange {
 public:
  DirectStream(Gateway& gateway, Exchange& exchange, const HeldRequest& request)
      : DirectExchange(gateway, exchange, request),
        sse_(istarts_with(request.route->hold->content_type, "text/event-stream")),
        keep_alive_(request.route->hold->keep_alive_seconds) {
    gateway_.counts.stream_holds.add();
    gateway_.counts.held.add();
    ResponseHead head;
    head.headers.add("Content-Type", request.route->hold->content_type);
    head.headers.add("Cache-Control", "no-store");
    if (gateway.cross_origin(*request.route)) add_cors(request.cors, head.headers);
    exchange.respond(head, {Framing::chunked, 0});
    exchange.hold();
    if (keep_alive_.count() > 0) arm();
  }
  ~DirectStream() override { gateway_.counts.stream_holds.sub(); }

  HoldKind kind() const override { return HoldKind::stream; }
  bool drain() override {
    if (sse_) exchange_->write(sse_retry(gateway_));
    exchange_->end();
    gateway_.finish(*this);
    return true;
  }

 private:
  void on_start(bool bad_token) override {
    if (!sse_) return;
    const std::string at = token();
    if (bad_token) {
      exchange_->write(sse_gap_event("unknown_position", at));
    } else if (!at.empty()) {
      exchange_->write(sse_position(at));
    }
  }

  void on_delivery(const Delivery& delivery) override {
    if (delivery.item().http_stream && delivery.item().http_stream->action == Action::close) {
      exchange_->end();
      return gateway_.finish(*this);
    }
    const Bytes* content = direct_content(delivery.item(), true);
    if (content == nullptr) return;
    WriteResult result;
    if (sse_ && slots_.size() > 1) {  // a token of several channels is the client's own
      result = exchange_->write(sse_event(token(), content->view()));
    } else {
      auto& rendering = delivery.rendering(sse_ ? kSseShape : kRawShape);
      if (!rendering) rendering = std::make_shared<const Rendering>(sse_ ? sse_event(token(), content->view()) : *content);
      result = exchange_->write(*rendering);
    }
    if (result != WriteResult::gone) gateway_.counts.delivered.add();
    if (keep_alive_.count() > 0) last_write_ = gateway_.timers().now();
  }

  void on_missed(std::string_view reason) override {
    if (sse_) {
      exchange_->write(sse_gap_event(reason, token()));
      return;
    }
    exchange_->abort();
    gateway_.finish(*this);
  }

  void arm() { gateway_.timers().set_in(*this, keep_alive_ - gateway_.jitter(Duration(1000))); }
  void on_timer() override {
    if (gateway_.timers().now() - last_write_ >= keep_alive_ - std::chrono::seconds(1)) exchange_->write(sse_ ? kSseComment : kNewline);
    arm();
  }

  const bool sse_;
  const std::chrono::seconds keep_alive_;
  TimePoint last_write_;
};

class DirectPoll final : public DirectExchange {
 public:
  DirectPoll(Gateway& gateway, Exchange& exchange, const HeldRequest& request)
      : DirectExchange(gateway, exchange, request), request_(request) {
    gateway_.counts.response_holds.add();
    gateway_.counts.held.add();
    exchange.hold();
    gateway_.timers().set_in(*this, std::chrono::seconds(request.route->hold->timeout_seconds));
  }
  ~DirectPoll() override { gateway_.counts.response_holds.sub(); }

  HoldKind kind() const override { return HoldKind::response; }
  bool drain() override {
    respond(204, {}, Bytes(), {});
    return true;
  }

 private:
  void on_start(bool bad_token) override {
    if (bad_token) respond(204, {}, Bytes(), "unknown_position");
  }
  void on_delivery(const Delivery& delivery) override {
    const Bytes* content = direct_content(delivery.item(), false);
    if (content == nullptr) return;
    gateway_.counts.delivered.add();
    const auto& format = delivery.item().http_response;
    const bool whole = format && content == &format->body;
    respond(whole ? format->code : 200, whole ? format->headers : Headers(), *content, {});
  }
  void on_missed(std::string_view reason) override { respond(204, {}, Bytes(), reason); }
  void on_timer() override {
    gateway_.counts.timeouts.add();
    respond(204, {}, Bytes(), {});
  }

  void respond(int status, const Headers& headers, Bytes body, std::string_view gap) {
    ResponseHead head;
    head.status = status;
    head.headers = headers;
    head.headers.remove_if([](const auto& field) { return istarts_with(field.first, "Grip-"); });
    if (status != 204 && !head.headers.has("Content-Type")) head.headers.add("Content-Type", request_.route->hold->content_type);
    head.headers.add("Cache-Control", "no-store");
    if (const std::string at = token(); !at.empty()) head.headers.add(kPositionHeader, at);
    if (!gap.empty()) head.headers.add(kGapHeader, gap);
    if (gateway_.cross_origin(*request_.route)) add_cors(request_.cors, head.headers);
    exchange_->respond(head, {Framing::length, body.size()});
    exchange_->write(std::move(body));
    exchange_->end();
    gateway_.finish(*this);
  }

  HeldRequest request_;
};

}  // namespace

const Bytes* direct_content(const Item& item, bool stream) {
  const Bytes* in_stream = item.http_stream && item.http_stream->action == Action::send ? &item.http_stream->content : nullptr;
  const Bytes* in_response = item.http_response && item.http_response->action == Action::send && !item.http_response->body_patch
                                 ? &item.http_response->body
                                 : nullptr;
  if (stream) return in_stream != nullptr ? in_stream : in_response;
  return in_response != nullptr ? in_response : in_stream;
}

std::string_view position_token(const RequestHead& head) {
  if (const auto* id = head.headers.find("Last-Event-ID")) return *id;
  return head.headers.get(kPositionHeader);
}

void start_direct_hold(Gateway& gateway, Exchange& exchange, const HeldRequest& request, const RouteMatch& match) {
  const Route& route = *request.route;
  if (request.head.method != "GET" && request.head.method != "HEAD") {
    ResponseHead head;
    head.status = request.head.method == "OPTIONS" && gateway.cross_origin(route) ? 204 : 405;
    head.headers.add("Allow", "GET");
    if (gateway.cross_origin(route)) add_cors(request.cors, head.headers);
    exchange.respond(head, {Framing::none, 0});
    return exchange.end();
  }
  std::vector<std::string> channels;
  for (const auto& name : route.hold->channels) {
    auto filled = fill_template(name, match);
    if (!filled) return answer(exchange, 500, filled.error().text);
    std::string channel = route.prefix + *filled;
    if (std::find(channels.begin(), channels.end(), channel) == channels.end()) channels.push_back(std::move(channel));
  }
  if (route.hold->mode == DirectHold::Mode::websocket) return DirectSocket::start(gateway, exchange, request, channels);
  const std::string token(position_token(request.head));
  if (route.hold->mode == DirectHold::Mode::response) {
    gateway.adopt(std::make_unique<DirectPoll>(gateway, exchange, request)).listen(channels, token);
  } else {
    gateway.adopt(std::make_unique<DirectStream>(gateway, exchange, request)).listen(channels, token);
  }
}

}  // namespace holdfast
