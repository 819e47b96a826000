#include "gateway/session/proxy_session.h"

#include "gateway/base/log.h"
#include "gateway/session/response_hold.h"
#include "gateway/session/stream_hold.h"
#include "gateway/session/test_target.h"

namespace holdfast {

namespace {

constexpr size_t kMaxJsonp = 1'000'000;
constexpr int kMaxAttempts = 5;
constexpr std::string_view kOriginError = "Error while proxying to origin.";

}  // namespace

Endpoint endpoint_of(const Target& target, std::string_view host) {
  Endpoint endpoint;
  if (target.kind == Target::Kind::message_socket) endpoint.message_socket = target.host;
  endpoint.host = target.host;
  endpoint.port = target.port;
  endpoint.unix_socket = target.unix_socket;
  endpoint.tls = target.tls;
  endpoint.verify = !target.insecure;
  endpoint.client_cert = target.client_cert;
  endpoint.client_key = target.client_key;
  endpoint.public_only = target.untrusted;
  if (target.tls) {
    std::string name(target.trust_connect_host ? std::string_view(target.host) : host);
    if (const size_t colon = name.rfind(':');
        colon != std::string::npos && name.find(']', colon) == std::string::npos && name.find(':') == colon) {
      name.resize(colon);
    }
    endpoint.server_name = std::move(name);
  }
  return endpoint;
}

BodyFraming client_framing(std::string_view method, const ResponseHead& head, BodyFraming framing) {
  if (framing.kind != Framing::none) return framing;
  if (method == "HEAD") {
    if (head.headers.has("Content-Length")) return {Framing::length, framing.length};
    if (head.headers.has("Transfer-Encoding")) return {Framing::chunked, 0};
  }
  return framing;
}

void ProxySession::start(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, std::unique_ptr<HoldChannels> channels,
                         std::vector<std::pair<std::string, std::string>> last_ids) {
  auto& session =
      gateway.adopt(std::make_unique<ProxySession>(gateway, exchange, std::move(request), std::move(channels), std::move(last_ids)));
  exchange.set_observer(&session);
  session.try_target();
}

ProxySession::ProxySession(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request,
                           std::unique_ptr<HoldChannels> channels, std::vector<std::pair<std::string, std::string>> last_ids)
    : gateway_(gateway),
      exchange_(&exchange),
      request_(std::move(request)),
      channels_(std::move(channels)),
      last_ids_(std::move(last_ids)) {
  retry_.set_callback([this] {
    target_ = 0;
    tried_.clear();
    try_target();
  });
}

ProxySession::~ProxySession() {
  if (span_) gateway_.tracer()->end(std::move(*span_), gateway_.wall());
}

// ---- towards the backend

void ProxySession::try_target() {
  if (target_ >= route().targets.size()) return fail_origin(502, "Unable to connect to any targets. Tried: " + tried_);
  if (target().kind == Target::Kind::unsupported) return next_target("(a kind of target that is not offered)");

  UpstreamRequest upstream;
  request_->began = gateway_.wall();
  upstream.head = forward_head(gateway_.rules(), route(), target(), gateway_.route_key(route()), request_->head, request_->facts,
                               request_->peer, request_->began);
  for (const auto& [channel, id] : last_ids_) upstream.head.headers.add("Grip-Last", format_grip_last(channel, id));
  trace(upstream.head);
  upstream.body = request_->framing;
  if (has_whole_body()) upstream.body = {request_->body.empty() ? Framing::none : Framing::length, request_->body.size()};
  if (target().kind == Target::Kind::test) {
    auto answer = test_answer(test_resource(request_->head.target, route().path_begin));
    call_ = call_test_target(gateway_.loop(), std::move(answer), upstream.body, *this);
    return;
  }
  upstream.endpoints.push_back(endpoint_of(target(), upstream.head.headers.get("Host")));
  call_ = gateway_.upstream().request(std::move(upstream), *this);
}

// The backend's spans are below this request's, and that one below the client's.
void ProxySession::trace(RequestHead& head) {
  if (!span_ && gateway_.tracer() != nullptr) {
    auto span = gateway_.tracer()->begin(Span::Kind::client, head.method, head.headers.get(kTraceparent), request_->began);
    if (!span) return;
    const std::string_view path = head.target;
    span->attributes = {
        {"http.request.method", head.method}, {"url.path", std::string(path.substr(0, path.find('?')))}, {"server.address", target().host}};
    span_ = std::make_unique<Span>(std::move(*span));
  }
  if (span_) head.headers.set(kTraceparent, span_->traceparent());
}

void ProxySession::next_target(const std::string& tried) {
  if (!tried_.empty()) tried_ += ", ";
  tried_ += tried;
  ++target_;
  try_target();
}

void ProxySession::on_send_ready() {
  if (request_sent_) return;
  if (has_whole_body()) {
    request_sent_ = true;
    call_->send(Bytes(request_->body), true);
  } else if (!pulling_) {
    pulling_ = true;
    exchange_->pull_body();
  }
}

void ProxySession::on_body(Bytes piece, bool last) {
  pulling_ = false;
  if (request_->body_whole && !route().no_grip) {
    request_->body_whole = request_->body.size() + piece.size() <= kMaxInstructBody;
    if (request_->body_whole) {
      request_->body.append(piece.view());
    } else {
      request_->body = std::string();
    }
  }
  request_sent_ = last;
  if (!call_) return;
  const bool room = call_->send(std::move(piece), last);
  if (room && !last) {
    pulling_ = true;
    exchange_->pull_body();
  }
}

void ProxySession::on_writable() {
  if (call_) call_->resume();
}

void ProxySession::on_gone() { gateway_.finish(*this); }

// ---- back to the client

void ProxySession::on_head(ResponseHead head, BodyFraming framing) {
  attempts_ = 0;
  if (span_) span_->attributes.emplace_back("http.response.status_code", std::to_string(head.status));
  const bool grip = !route().no_grip && !request_->facts.trusted && has_instruct(head.headers);
  if (!grip) return relay(std::move(head), framing);

  head_ = std::move(head);
  if (!request_->body_whole) return fail(400, "Request too large to accept GRIP instruct.");
  if (is_instruct_body(head_.headers)) {
    reply_ = Reply::collect;
    return;
  }
  auto instruct = parse_instruct(head_.status, head_.reason, head_.headers, std::nullopt);
  if (!instruct) return bad_instruct(instruct.error().text);
  instruct_ = std::move(*instruct);
  if (instruct_.hold == HoldMode::response || request_->jsonp) {
    reply_ = Reply::collect;
    return;
  }
  open_stream(client_framing(request_->head.method, head_, framing));
}

void ProxySession::relay(ResponseHead head, BodyFraming framing) {
  if (request_->jsonp) {
    head_ = std::move(head);
    reply_ = Reply::collect;
    return;
  }
  framing = client_framing(request_->head.method, head, framing);
  strip_response_head(head.headers);
  if (gateway_.cross_origin(route())) add_cors(request_->cors, head.headers);
  reply_ = Reply::relay;
  responded_ = true;
  exchange_->respond(head, framing);
}

// A reply whose body goes to the client as it comes: a stream hold's beginning, a page with a next link, or a reply that only carried
// settings.
void ProxySession::open_stream(BodyFraming framing) {
  const bool goes_on = instruct_.hold == HoldMode::stream || instruct_.next.has_value();
  std::vector<std::string> filters;
  for (const auto& channel : instruct_.channels) filters.insert(filters.end(), channel.filters.begin(), channel.filters.end());
  if (changes_content(filters)) {
    meta_ = Meta(instruct_.meta.begin(), instruct_.meta.end());
    FilterContext context;
    context.subscription_meta = &meta_;
    filter_ = std::make_unique<ReplyFilter>(filters, context);
  }
  ResponseHead head{instruct_.status, instruct_.reason, instruct_.headers};
  if (gateway_.cross_origin(route())) add_cors(request_->cors, head.headers);
  reply_ = Reply::stream;
  responded_ = true;
  exchange_->respond(head, goes_on || filter_ ? BodyFraming{Framing::chunked, 0} : framing);
}

bool ProxySession::write(Bytes piece) {
  if (filter_) {
    auto filtered = filter_->feed(piece.view());
    if (!filtered) return false;
    piece = Bytes(std::move(*filtered));
  }
  if (exchange_->write(std::move(piece)) == WriteResult::full && call_) call_->pause();
  return true;
}

void ProxySession::on_body(Bytes piece) {
  switch (reply_) {
    case Reply::relay:
      if (exchange_->write(std::move(piece)) == WriteResult::full) call_->pause();
      return;
    case Reply::stream:
      if (!write(std::move(piece))) {
        exchange_->end();
        gateway_.finish(*this);
      }
      return;
    case Reply::collect: {
      const size_t limit = request_->jsonp ? kMaxJsonp : kMaxInstructBody;
      if (collected_.size() + piece.size() > limit) {
        return fail_origin(502, "GRIP instruct response too large from " + to_string(call_->endpoint()));
      }
      collected_.append(piece.view());
      return;
    }
    case Reply::none:
      return;
  }
}

void ProxySession::on_end() {
  switch (reply_) {
    case Reply::relay:
      exchange_->end();
      return gateway_.finish(*this);
    case Reply::stream: {
      call_.reset();
      if (filter_) {
        auto rest = filter_->finish();
        if (rest) exchange_->write(Bytes(std::move(*rest)));
      }
      if (instruct_.hold == HoldMode::stream || instruct_.next) return become_hold(Bytes());
      exchange_->end();
      return gateway_.finish(*this);
    }
    case Reply::collect:
      call_.reset();
      return interpret_collected();
    case Reply::none:
      return;
  }
}

void ProxySession::interpret_collected() {
  Bytes body(std::move(collected_));
  const bool grip = !route().no_grip && !request_->facts.trusted && has_instruct(head_.headers);
  if (!grip) {  // JSON-P around an ordinary reply
    strip_response_head(head_.headers);
    return respond_whole(std::move(head_), std::move(body), false);
  }
  if (is_instruct_body(head_.headers)) {
    auto instruct = parse_instruct(head_.status, head_.reason, head_.headers, body.view());
    if (!instruct) return bad_instruct(instruct.error().text);
    instruct_ = std::move(*instruct);
    body = instruct_.body.value_or(Bytes());
  }
  if (instruct_.hold == HoldMode::response) return become_hold(std::move(body));
  if (instruct_.hold == HoldMode::none && !instruct_.next) {
    return respond_whole({instruct_.status, instruct_.reason, instruct_.headers}, std::move(body), false);
  }
  if (request_->jsonp) return bad_instruct("a stream cannot be wrapped as JSON-P");
  open_stream({Framing::chunked, 0});
  if (!write(std::move(body))) {
    exchange_->end();
    return gateway_.finish(*this);
  }
  if (filter_) {
    if (auto rest = filter_->finish()) exchange_->write(Bytes(std::move(*rest)));
  }
  become_hold(Bytes());
}

void ProxySession::respond_whole(ResponseHead head, Bytes body, bool held) {
  send_whole(gateway_, *exchange_, *request_, std::move(head), std::move(body), held);
  gateway_.finish(*this);
}

void ProxySession::become_hold(Bytes reply_body) {
  auto& gateway = gateway_;
  auto& exchange = *exchange_;
  const auto& sub = target().subscriptions;
  if (instruct_.hold == HoldMode::response) {
    ResponseHold::start(gateway, exchange, std::move(request_), std::move(instruct_), sub, std::move(reply_body), std::move(channels_));
  } else {
    StreamHold::start(gateway, exchange, *request_, std::move(instruct_), target_);
  }
  gateway.finish(*this);
}

// ---- failures

void ProxySession::bad_instruct(const std::string& reason) {
  gateway_.counts.bad_instructs.add();
  log::warn("a backend's instructions are wrong", {{"route", route().where}, {"reason", reason}});
  fail_origin(502, "Failed to parse accept instructions: " + reason);
}

void ProxySession::on_error(UpstreamError error, const std::string& text) {
  if (error == UpstreamError::connect_failed || error == UpstreamError::blocked) {
    log::debug("a target cannot be reached", {{"target", to_string(call_->endpoint())}, {"reason", text}});
    if (again() && target_ + 1 >= route().targets.size() && attempts_ < kMaxAttempts) return retry_later(error);
    return next_target(to_string(call_->endpoint()));
  }
  if (span_) span_->fault = text;
  log::debug("a backend's answer is not whole", {{"target", to_string(call_->endpoint())}, {"error", to_string(error)}, {"reason", text}});
  if (responded_) {
    gateway_.counts.mid_body.add();
    exchange_->abort();
    return gateway_.finish(*this);
  }
  if (again() && attempts_ < kMaxAttempts) return retry_later(error);
  if (error == UpstreamError::overloaded) return fail_origin(503, "Too many requests wait for " + to_string(call_->endpoint()));
  fail_origin(error == UpstreamError::timeout ? 504 : 502, to_string(call_->endpoint()) + ": " + text);
}

// A held client is not told of a backend that is away for a moment.
void ProxySession::retry_later(UpstreamError) {
  reply_ = Reply::none;
  collected_.clear();
  request_sent_ = false;
  gateway_.timers().set_in(retry_, Duration(1000 << attempts_) + gateway_.jitter(Duration(1000)));
  ++attempts_;
}

void ProxySession::fail(int status, const std::string& text) {
  if (responded_) {
    exchange_->abort();
    return gateway_.finish(*this);
  }
  ResponseHead head;
  head.status = status;
  head.headers.add("Content-Type", "text/plain");
  respond_whole(std::move(head), Bytes(text + "\n"), false);
}

void ProxySession::fail_origin(int status, const std::string& debug_text) {
  fail(status, gateway_.debug(route()) ? debug_text : std::string(kOriginError));
}

}  // namespace holdfast
