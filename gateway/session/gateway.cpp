#include "gateway/session/gateway.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "gateway/base/log.h"
#include "gateway/grip/ws_events.h"
#include "gateway/net/websocket_handshake.h"
#include "gateway/session/direct_hold.h"
#include "gateway/session/proxy_session.h"
#include "gateway/session/sockjs/sockjs.h"
#include "gateway/session/sockjs/sockjs_sessions.h"
#include "gateway/session/websocket/socket_end.h"
#include "gateway/session/websocket/ws_request.h"
#include "gateway/session/websocket/ws_session.h"

namespace holdfast {

void declare(OptionSet& set, HoldOptions& o) {
  OptionSet::Section section(set, "hold");
  set.integer("channels_per_connection", o.channels_per_connection,
              "Channels that one connection may listen to; further ones are left out.")
      .range(1, 10000);
  set.choice(
      "rerequest", o.rerequest, {"auto", "always", "never"},
      "Whether a backend is asked again after a channel's first subscription: auto asks when history cannot prove that nothing was missed, "
      "always about a second later as Pushpin does.");
  set.integer("queue_messages", o.queue_messages, "Messages kept for a hold while its backend is asked again.").range(1, 100000);
  set.integer("rerequest_rate", o.rerequest_rate, "Re-requests a second and loop when an event concerns many holds.").range(1, 1000000);
  set.duration("sse_retry", o.sse_retry, "Reconnect delay that direct SSE clients are told when the node goes away, plus or minus half.")
      .range(0, 600000);
}

Gateway::Counts::Counts(Metrics& m)
    : response_holds(m.gauge("holdfast_holds", "Held connections.", {{"mode", "response"}})),
      stream_holds(m.gauge("holdfast_holds", "Held connections.", {{"mode", "stream"}})),
      websockets(m.gauge("holdfast_holds", "Held connections.", {{"mode", "websocket"}})),
      held(m.counter("holdfast_holds_total", "Connections that became held.")),
      client_messages(m.counter("holdfast_client_messages_total", "WebSocket messages that clients sent, pings and pongs included.")),
      delivered(m.counter("holdfast_deliveries_total", "Messages handed to held connections.")),
      filtered(m.counter("holdfast_deliveries_filtered_total", "Messages that a subscription's filters kept back.")),
      rerequests(m.counter("holdfast_rerequests_total", "Requests to backends that holds made again.")),
      timeouts(m.counter("holdfast_hold_timeouts_total", "Response holds that ended by their time-out.")),
      bad_instructs(m.counter("holdfast_bad_instructs_total", "Backend replies whose instructions were wrong.")),
      over_subscribed(m.counter("holdfast_subscriptions_refused_total", "Channels left out because a connection had too many.")),
      queue_dropped(m.counter("holdfast_deliveries_dropped_total", "Deliveries that were dropped.", {{"reason", "hold_queue"}})),
      mid_body(m.counter("holdfast_truncated_responses_total", "Responses aborted because the backend broke off.")),
      slow_dropped(m.counter("holdfast_slow_clients_dropped_total", "Clients dropped because they did not read.")) {}

Gateway::Gateway(Loop& loop, HubShard& hub, UpstreamClient& upstream, std::shared_ptr<const ForwardRules> rules, const ProxyOptions& proxy,
                 const HoldOptions& holds, const WsOptions& websocket, Metrics& metrics, std::shared_ptr<SockjsSessions> sockjs)
    : counts(metrics),
      loop_(loop),
      hub_(hub),
      upstream_(upstream),
      rules_(std::move(rules)),
      proxy_(proxy),
      hold_options_(holds),
      websocket_(websocket),
      rerequest_(holds.rerequest == "always"  ? Rerequest::always
                 : holds.rerequest == "never" ? Rerequest::never
                                              : Rerequest::automatic),
      routes_(RouteTable::make({})),
      sockjs_(std::move(sockjs)),
      door_(std::make_shared<LoopDoor>(loop)),
      random_(std::random_device{}()) {
  std::random_device random;
  for (auto& part : id_seed_) part = random();
  drain_timer_.set_callback([this] { drain_slice(); });
}

Gateway::~Gateway() {
  door_->close();
  sessions_.clear();
}

void Gateway::set_routes(std::shared_ptr<const RouteTable> routes) { routes_ = std::move(routes); }

const SignatureKey* Gateway::route_key(const Route& route) {
  if (route.signature_key.empty()) return nullptr;
  auto found = route_keys_.find(route.signature_key);
  if (found == route_keys_.end()) {
    auto key = SignatureKey::load(route.signature_key);
    if (!key) log::error("a route's signature key cannot be used", {{"route", route.where}, {"reason", key.error().text}});
    found = route_keys_.emplace(route.signature_key, key ? std::move(*key) : SignatureKey()).first;
  }
  return &found->second;
}

void Gateway::own(std::unique_ptr<Session> session) {
  session->place_ = static_cast<uint32_t>(sessions_.size());
  session->serial_ = ++last_serial_;
  sessions_.push_back(std::move(session));
  const Session& owned = *sessions_.back();
  if (watcher_ != nullptr && owned.kind() != HoldKind::none) {
    watcher_->on_connected(connection_id(owned.serial_), owned.kind(), owned.peer_address());
  }
}

// The seed and the serial number in the form of a UUID of version 4.
std::string Gateway::connection_id(uint32_t serial) const {
  const auto& seed = id_seed_;
  char text[37];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%04x%08x", seed[0], seed[1] >> 16, seed[1] & 0xfff,
                0x8000 | (seed[2] >> 16 & 0x3fff), seed[2] & 0xffff, serial);
  return text;
}

// nullopt: it was not made here.
std::optional<uint32_t> Gateway::serial_of(std::string_view connection_id) const {
  const std::string of_zero = this->connection_id(0);
  const size_t fixed = of_zero.size() - 8;
  if (connection_id.size() != of_zero.size() || connection_id.substr(0, fixed) != std::string_view(of_zero).substr(0, fixed)) return {};
  uint32_t serial = 0;
  const char* end = connection_id.data() + connection_id.size();
  const auto [stopped, error] = std::from_chars(connection_id.data() + fixed, end, serial, 16);
  return error == std::errc() && stopped == end ? std::optional(serial) : std::nullopt;
}

Session* Gateway::find(std::string_view connection_id) {
  const auto serial = serial_of(connection_id);
  if (!serial) return nullptr;
  const auto it = std::find_if(sessions_.begin(), sessions_.end(),
                               [&](const auto& session) { return session->serial_ == *serial && session->kind() != HoldKind::none; });
  return it != sessions_.end() ? it->get() : nullptr;
}

std::vector<std::string> Gateway::held(const std::vector<std::string>& connection_ids) const {
  std::unordered_map<uint32_t, const std::string*> wanted;
  for (const auto& id : connection_ids) {
    if (const auto serial = serial_of(id)) wanted.emplace(*serial, &id);
  }
  std::vector<std::string> out;
  if (wanted.empty()) return out;
  for (const auto& session : sessions_) {
    const auto found = wanted.find(session->serial_);
    if (found != wanted.end() && session->kind() != HoldKind::none) out.push_back(*found->second);
  }
  return out;
}

void Gateway::each_held(const std::function<bool(const std::string&, const Session&)>& visit) const {
  for (const auto& session : sessions_) {
    if (session->kind() != HoldKind::none && !visit(connection_id(session->serial_), *session)) return;
  }
}

void Gateway::finish(Session& session) {
  const uint32_t place = session.place_;
  if (watcher_ != nullptr && session.kind() != HoldKind::none) watcher_->on_disconnected(connection_id(session.serial_));
  const auto ending = std::move(sessions_[place]);
  if (place + 1 < sessions_.size()) {
    sessions_[place] = std::move(sessions_.back());
    sessions_[place]->place_ = place;
  }
  sessions_.pop_back();
}

void Gateway::recover() {
  hub_.forget_all_ids();
  for (size_t i = 0; i < sessions_.size(); ++i) sessions_[i]->recover();
}

Duration Gateway::pace() {
  const TimePoint now = timers().now();
  if (next_slot_ < now) next_slot_ = now;
  const auto wait = std::chrono::duration_cast<Duration>(next_slot_ - now);
  next_slot_ += std::chrono::nanoseconds(1'000'000'000 / hold_options_.rerequest_rate);
  return wait;
}

Duration Gateway::jitter(Duration up_to) { return Duration(std::uniform_int_distribution<Duration::rep>(0, up_to.count())(random_)); }

// ---- requests

void answer(Exchange& exchange, int status, std::string_view text) {
  ResponseHead head;
  head.status = status;
  head.headers.add("Content-Type", "text/plain");
  answer(exchange, head, text);
}

void answer(Exchange& exchange, const ResponseHead& head, std::string_view text) {
  std::string body(text);
  body += '\n';
  exchange.respond(head, {Framing::length, body.size()});
  exchange.write(Bytes(std::move(body)));
  exchange.end();
}

namespace {

// A direct route is there, but for the other kind of client.
void answer_wrong_protocol(Exchange& exchange, bool websocket) {
  ResponseHead head;
  head.status = websocket ? 400 : 426;
  head.headers.add("Content-Type", "text/plain");
  if (!websocket) head.headers.add("Upgrade", "websocket");
  answer(exchange, head, websocket ? "No WebSocket is offered here." : "Open a WebSocket here.");
}

}  // namespace

void Gateway::on_request(Exchange& exchange, RequestHead head, BodyFraming body) {
  auto request = std::make_unique<HeldRequest>();
  request->peer = exchange.peer();
  request->facts = judge(*rules_, head, request->peer, wall());
  const bool websocket = wants_websocket(head);

  RouteQuery query;
  query.host = head.headers.get("Host");
  query.path = head.target;
  query.websocket = websocket;
  query.tls = request->facts.secure;
  if (proxy_.accept_route_header) query.route_id = head.headers.get("Pushpin-Route");
  const RouteMatch match = routes_->match(query);
  if (match.route == nullptr) {
    query.websocket = !websocket;
    if (const auto other = routes_->match(query); other.route != nullptr && other.route->hold)
      return answer_wrong_protocol(exchange, websocket);
    log::debug("no route", {{"host", query.host}, {"path", query.path}});
    return answer(exchange, 502, "Route not found");
  }
  request->table = routes_;
  request->route = match.route;
  request->framing = body;
  if (is_under_sockjs(match.route->sockjs_prefix, head.target)) {
    request->head = std::move(head);
    return start_sockjs(*this, exchange, std::move(request), websocket);
  }
  if (websocket) {
    request->head = std::move(head);
    return on_websocket(exchange, std::move(request), match);
  }
  // Events are the node's word for what a client did: a client must not say them itself.
  const bool over_http = std::any_of(match.route->targets.begin(), match.route->targets.end(), [](const Target& t) { return t.over_http; });
  if (over_http && !request->facts.trusted && is_websocket_events(head.headers.get("Content-Type"))) {
    return answer(exchange, 403, "Client not allowed to send WebSocket events directly.");
  }
  if (cross_origin(*match.route)) {
    request->cors = cors_request_part(head.headers);
    auto jsonp = parse_jsonp(*match.route, head);
    if (!jsonp) return answer(exchange, 400, jsonp.error().text);
    request->jsonp = std::move(*jsonp);
    if (request->jsonp) {
      head = request->jsonp->head;
      request->body = request->jsonp->body.str();
      request->framing = {request->body.empty() ? Framing::none : Framing::length, request->body.size()};
    }
  }
  request->head = std::move(head);
  if (match.route->hold) return start_direct_hold(*this, exchange, *request, match);
  ProxySession::start(*this, exchange, std::move(request), nullptr, {});
}

void Gateway::on_websocket(Exchange& exchange, std::unique_ptr<HeldRequest> request, const RouteMatch& match) {
  const Route& route = *request->route;
  if (const auto refusal = judge_handshake(request->head, request->framing)) return answer(exchange, refusal->head, refusal->text);
  if (!origin_allowed(route, request->head)) return answer(exchange, 403, "This origin is not allowed to open a WebSocket here.");
  if (cross_origin(route)) request->cors = cors_request_part(request->head.headers);
  if (route.hold) return start_direct_hold(*this, exchange, *request, match);
  const RequestHead& head = request->head;  // the session keeps the request where it is
  WsSession::start(*this, std::move(request),
                   [&](ClientEnd::User& user) { return std::make_unique<SocketEnd>(websocket_, exchange, head, user); });
}

// ---- drain

void Gateway::drain(Duration window, std::function<void()> done) {
  drained_ = std::move(done);
  drain_ends_ = timers().now() + window;
  drain_slice();
}

// Every slice ends its share of the holds that are left, so that they end evenly however many there are.
void Gateway::drain_slice() {
  constexpr Duration kSlice{50};
  const TimePoint now = timers().now();
  std::vector<Session*> holds;
  const auto left = std::max<int64_t>(1, std::chrono::duration_cast<Duration>(drain_ends_ - now) / kSlice + 1);
  size_t share = (sessions_.size() + static_cast<size_t>(left) - 1) / static_cast<size_t>(left);
  // From the back: finishing a session moves the last one to its place.
  for (size_t i = sessions_.size(); i-- > 0 && share > 0;) {
    if (i < sessions_.size() && sessions_[i]->drain()) --share;
  }
  if (now >= drain_ends_ || sessions_.empty()) {
    for (size_t i = sessions_.size(); i-- > 0;) {
      if (i < sessions_.size()) sessions_[i]->drain();
    }
    if (drained_) std::exchange(drained_, nullptr)();
    return;
  }
  timers().set_in(drain_timer_, kSlice);
}

}  // namespace holdfast
