#include "gateway/session/websocket/ws_session.h"

#include "gateway/base/log.h"
#include "gateway/session/websocket/http_backend.h"
#include "gateway/session/websocket/socket_backend.h"
#include "gateway/session/websocket/test_backend.h"
#include "gateway/session/websocket/ws_options.h"

namespace holdfast {

namespace {

constexpr std::string_view kOriginError = "Error while proxying to origin.";
constexpr std::string_view kControlPrefix = "c:";
constexpr size_t kMaxControl = 65536;

bool is_data(WsMessageType type) { return type == WsMessageType::text || type == WsMessageType::binary; }

}  // namespace

void WsSession::start(Gateway& gateway, std::unique_ptr<HeldRequest> request, const MakeClient& make_client) {
  gateway.adopt(std::make_unique<WsSession>(gateway, std::move(request), make_client)).try_target();
}

WsSession::WsSession(Gateway& gateway, std::unique_ptr<HeldRequest> request, const MakeClient& make_client)
    : gateway_(gateway),
      table_(request->table),
      route_(request->route),
      opening_(std::make_unique<Opening>(Opening{std::move(request), {}})),
      client_(make_client(*this)),
      channels_(gateway, gateway.rate_group(*route_)) {}

WsSession::~WsSession() {
  if (open_) gateway_.counts.websockets.sub();
  channels_.close(false);
}

WsSession::Extras& WsSession::extras() {
  if (!extras_) {
    extras_ = std::make_unique<Extras>();
    extras_->keep_alive_timer.set_callback([this] { on_keep_alive(); });
    extras_->delayed_timer.set_callback([this] { flush_delayed(); });
    extras_->close_timer.set_callback([this] { give_up(); });
  }
  return *extras_;
}

// ---- the handshake

void WsSession::try_target() {
  if (target_ >= route().targets.size()) {
    return refuse(502, gateway_.debug(route()) ? "Unable to connect to any targets. Tried: " + opening_->tried : std::string(kOriginError));
  }
  const Target& target = route().targets[target_];
  BackendEnd::User& user = *this;
  if (target.kind == Target::Kind::test) {
    backend_ = std::make_unique<TestBackend>(gateway_, *opening_->request, target, user);
  } else if (target.kind == Target::Kind::unsupported || (target.kind == Target::Kind::message_socket && !target.over_http)) {
    return next_target("(a kind of target that takes no WebSockets)");
  } else if (target.over_http) {
    backend_ = std::make_unique<HttpBackend>(gateway_, *opening_->request, target, serial(), user);
  } else {
    backend_ = std::make_unique<SocketBackend>(gateway_, *opening_->request, target, user);
  }
  backend_->open();
}

void WsSession::next_target(const std::string& tried) {
  if (!opening_->tried.empty()) opening_->tried += ", ";
  opening_->tried += tried;
  ++target_;
  try_target();
}

void WsSession::on_unreachable(const std::string& tried) {
  backend_.reset();
  next_target(tried);
}

void WsSession::on_open_failed(int status, const std::string& reason) {
  log::debug("a WebSocket could not be opened", {{"route", route().where}, {"reason", reason}});
  refuse(status, gateway_.debug(route()) ? reason : std::string(kOriginError));
}

void WsSession::refuse(int status, const std::string& text) {
  ResponseHead head;
  head.status = status;
  head.headers.add("Content-Type", "text/plain");
  if (gateway_.cross_origin(route())) add_cors(opening_->request->cors, head.headers);
  client_->refuse(head, Bytes(text + "\n"));
  gateway_.finish(*this);
}

void WsSession::on_refused(ResponseHead head, Bytes body) {
  if (gateway_.cross_origin(route())) add_cors(opening_->request->cors, head.headers);
  client_->refuse(head, std::move(body));
  gateway_.finish(*this);
}

void WsSession::on_accepted(Headers headers) {
  const Target& target = route().targets[target_];
  // A GRIP proxy in front does what the extension asks for; it is only passed on.
  std::string raw_extensions;
  if (opening_->request->facts.trusted) {
    if (parse_grip_extension(headers.all("Sec-WebSocket-Extensions")).on) raw_extensions = headers.get("Sec-WebSocket-Extensions");
  } else if (!route().no_grip) {
    auto grip = parse_grip_extension(headers.all("Sec-WebSocket-Extensions"));
    static const std::string kUsual = GripExtension().prefix, kNone;
    if (grip.on && !grip.prefix.empty() && grip.prefix != kUsual) extras().prefix = grip.prefix;
    if (grip.on) prefix_ = grip.prefix == kUsual ? &kUsual : grip.prefix.empty() ? &kNone : &extras_->prefix;
  }
  headers.remove_if([&](const Headers::Field& field) {
    return iequals(field.first, "Sec-WebSocket-Extensions") || (!opening_->request->facts.trusted && istarts_with(field.first, "Grip-"));
  });
  open_ = true;
  gateway_.counts.websockets.add();
  gateway_.counts.held.add();
  opening_.reset();
  client_->accept(headers, raw_extensions);
  for (const auto& channel : target.subscriptions) channels_.subscribe(*this, "", {channel, std::nullopt, {}}, true);
}

// ---- from the client

void WsSession::on_client_message(WsMessageType type, std::string data, bool first, bool last) {
  if (last) gateway_.counts.client_messages.add();
  if (type == WsMessageType::ping && route().answer_pings) return send(WsMessageType::pong, Bytes(std::move(data)), nullptr);
  if (!backend_ || backend_close_sent_ || detached_) return;
  if (!backend_->send(type, std::move(data), first, last)) client_->pause();
}

void WsSession::on_backend_room() {
  if (client_) client_->resume();
}

void WsSession::on_client_close(int code, const std::string& reason) {
  client_close_got_ = true;
  if (backend_ && !backend_close_sent_ && !backend_close_got_) {
    backend_close_sent_ = true;
    expect_close();
    return backend_->close(code, reason);
  }
  if (backend_ && backend_close_got_ && !backend_close_sent_) {
    backend_close_sent_ = true;
    backend_->close(code, reason);
  }
  if (!backend_ && !client_close_sent_) {  // detached: nobody else answers
    client_close_sent_ = true;
    client_->close(code, {});
  }
  settle();
}

void WsSession::on_client_fault(int code) {
  fault_ = static_cast<uint16_t>(code);
  channels_.close(false);
  if (!backend_ || backend_close_sent_ || backend_close_got_ || backend_->client_fault(code)) return give_up();
  backend_close_sent_ = true;
  expect_close();
}

void WsSession::on_client_gone() {
  client_.reset();
  channels_.close(false);
  if (extras_) extras_.reset();
  prefix_ = nullptr;
  if (!backend_ || backend_->client_gone()) return gateway_.finish(*this);
}

void WsSession::on_client_writable() {
  if (backend_) backend_->resume();
}

// ---- from the backend

void WsSession::on_backend_message(WsMessageType type, std::string data, bool first, bool last) {
  if (!client_ || detached_) return;
  if (!is_data(type) || !prefix_) return relay(type, data, first, last);

  if (first) {
    fate_ = Fate::undecided;
    if (extras_) extras_->kept.clear();
  }
  bool begins = first;
  if (fate_ == Fate::undecided) {
    if (extras_) data.insert(0, std::exchange(extras_->kept, {}));
    const bool is_text = type == WsMessageType::text;
    if (!last && data.size() < std::max(kControlPrefix.size(), prefix_->size())) {
      extras().kept = std::move(data);
      return;
    }
    begins = true;
    if (is_text && data.starts_with(kControlPrefix)) {
      fate_ = Fate::control;
    } else if (data.starts_with(*prefix_)) {
      fate_ = Fate::relay;
      data.erase(0, prefix_->size());
    } else {
      fate_ = Fate::drop;
    }
  }
  if (fate_ == Fate::relay) return relay(type, data, begins, last);
  if (fate_ == Fate::drop) return;
  if (extras_) data.insert(0, std::exchange(extras_->kept, {}));
  if (data.size() > kMaxControl) {
    log::warn("a backend's control message is too long", {{"route", route().where}});
    fate_ = Fate::drop;
  } else if (!last) {
    extras().kept = std::move(data);
  } else {
    const std::string message = std::move(data);
    obey(std::string_view(message).substr(kControlPrefix.size()));
  }
}

void WsSession::relay(WsMessageType type, std::string_view data, bool first, bool last) {
  if (client_close_sent_) return;
  if (extras_) extras_->last_sent = gateway_.timers().now();
  if (client_->relay(type, data, first, last) == WriteResult::full && backend_) backend_->pause();
}

void WsSession::on_backend_close(int code, std::string_view reason) {
  backend_close_got_ = true;
  if (detached_) return backend_.reset();  // the answer to what it was told
  if (fault_ != 0) return give_up();
  if (client_ && !client_close_sent_) {
    client_close_sent_ = true;
    expect_close();
    client_->close(code, reason);
  }
  settle();
}

void WsSession::on_backend_gone(const std::string& reason) {
  if (!detached_) log::debug("a WebSocket's backend went away", {{"route", route().where}, {"reason", reason}});
  backend_.reset();
  if (fault_ != 0) return give_up();
  if (client_ && !detached_) client_->end();
  if (!detached_ || !client_) gateway_.finish(*this);
}

void WsSession::on_backend_done() {
  backend_.reset();
  if (fault_ != 0) return give_up();
  if (!client_) return gateway_.finish(*this);
  if (!detached_) settle();
}

// Ends what both sides know to be over.
void WsSession::settle() {
  const bool client_done = !client_ || (client_close_sent_ && client_close_got_);
  const bool backend_done = !backend_ || (backend_close_sent_ && backend_close_got_);
  if (client_done && backend_done) give_up();
}

void WsSession::give_up() {
  if (client_) {
    if (fault_ != 0) client_->close(fault_, {});
    client_->end();
  }
  gateway_.finish(*this);
}

// A side that does not answer a Close must not keep the connection.
void WsSession::expect_close() { gateway_.timers().set_in(extras().close_timer, gateway_.websocket().close_timeout); }

// ---- control messages

void WsSession::obey(std::string_view json) {
  auto control = parse_ws_control(json);
  if (!control) {
    log::debug("a backend's control message is ignored", {{"route", route().where}, {"reason", control.error().text}});
    return;
  }
  using Type = WsControl::Type;
  switch (control->type) {
    case Type::subscribe:
      return channels_.subscribe(*this, route().prefix, {std::move(control->channel), std::nullopt, std::move(control->filters)}, false);
    case Type::unsubscribe:
      return channels_.unsubscribe(route().prefix + control->channel);
    case Type::set_meta:
      return channels_.set_meta(control->name, control->value);
    case Type::keep_alive:
      return set_keep_alive(*control);
    case Type::send_delayed: {
      flush_delayed();
      extras().delayed.emplace(control->message_type, Bytes(control->content.value_or(std::string())));
      return gateway_.timers().set_in(extras_->delayed_timer, control->timeout);
    }
    case Type::flush_delayed:
      return flush_delayed();
    case Type::detach:
      detached_ = true;
      if (!backend_close_sent_) {
        backend_close_sent_ = true;
        backend_->close(0, {});
      }
      return;
    case Type::session:
      return;
  }
}

void WsSession::set_keep_alive(const WsControl& control) {
  if (!control.content) {
    if (extras_) extras_->keep_alive.reset();
    return;
  }
  extras().keep_alive = KeepAliveMessage{Bytes(*control.content), control.message_type, control.timeout, control.mode};
  extras_->last_sent = gateway_.timers().now();
  arm_keep_alive(extras_->last_sent);
}

// A little early, by chance: connections that began together don't stay together.
void WsSession::arm_keep_alive(TimePoint from) {
  gateway_.timers().set_at(extras_->keep_alive_timer, from + extras_->keep_alive->timeout - gateway_.jitter(Duration(1000)) + Duration(1));
}

void WsSession::on_keep_alive() {
  if (!extras_->keep_alive) return;
  const auto& message = *extras_->keep_alive;
  const TimePoint now = gateway_.timers().now();
  if (message.mode == KeepAliveMode::idle && now - extras_->last_sent < message.timeout - std::chrono::seconds(1)) {
    return arm_keep_alive(extras_->last_sent);
  }
  arm_keep_alive(now);
  send(message.type, message.content, nullptr);
}

void WsSession::flush_delayed() {
  if (!extras_ || !extras_->delayed) return;
  const auto [type, content] = *std::exchange(extras_->delayed, std::nullopt);
  send(type, content, nullptr);
}

// ---- channels

// Last of what its callers do: a client that was dropped for not reading takes the session with it.
void WsSession::send(WsMessageType type, const Bytes& content, const Delivery* shared) {
  if (!client_ || client_close_sent_) return;
  if (extras_) extras_->last_sent = gateway_.timers().now();
  if (client_->send(type, content, shared) == WriteResult::gone && client_->over()) on_client_gone();
}

void WsSession::on_item(const Item& item, const Delivery* shared, HoldChannels& channels, size_t channel) {
  const auto& message = *item.ws_message;
  if (message.action == Action::refresh) {
    if (backend_) backend_->refresh();
    return;
  }
  if (message.action == Action::close) return close_both(message.close_code, message.close_reason);
  if (message.action != Action::send) return;
  if (message.has_content_filters && message.content_filters != content_filters(channels.filters(channel))) return;
  gateway_.counts.delivered.add();
  if (!channels.rewrites(channel)) return send(message.type, message.content, shared);
  auto rewritten = channels.rewrite(item, channel, message.content.view());
  if (!rewritten) return gateway_.counts.filtered.add();
  send(message.type, Bytes(std::move(*rewritten)), nullptr);
}

// Nothing is lost in silence: a backend that can be told is told, a client that cannot is closed and comes again. Where the operator set a
// rate, dropping is what was asked for, and metrics tell.
void WsSession::on_gap(Gap gap) {
  if (gap == Gap::overflow) return;
  if (backend_ && !detached_ && backend_->tell_gap(to_string(gap))) return;
  close_both(kWsTryAgainLater, "messages may have been missed");
}

void WsSession::close_both(int code, std::string_view reason) {
  if (!client_ || client_close_sent_) return;
  client_close_sent_ = true;
  expect_close();
  client_->close(code, reason);
  if (backend_ && !backend_close_sent_) {
    backend_close_sent_ = true;
    backend_->close(code, reason);
  }
}

bool WsSession::drain() {
  if (!open_ || !client_ || client_close_sent_) return false;
  close_both(kWsGoingAway, "going away");
  return true;
}

}  // namespace holdfast
