#include "gateway/session/websocket/http_backend.h"

#include <algorithm>

#include "gateway/base/log.h"
#include "gateway/grip/instruct.h"
#include "gateway/session/proxy_session.h"
#include "gateway/session/websocket/ws_request.h"

namespace holdfast {

namespace {

constexpr size_t kMaxRefusal = 100'000;
constexpr uint8_t kMaxAttempts = 5;
constexpr uint64_t kMinKeepAlive = 20;
constexpr size_t kMaxMeta = 16'384;  // bytes of names and values that a backend may have stored
constexpr std::string_view kMediaType = "application/websocket-events";

// Headers of the handshake that are not for the backend, or that every request says for itself.
bool is_left_out(std::string_view name) {
  if (iequals(name, "Sec-WebSocket-Version")) return true;
  return iequals(name, "Accept") || iequals(name, "Content-Type") || iequals(name, "Connection-Id") || istarts_with(name, "Meta-") ||
         istarts_with(name, "Meta_") || iequals(name, "Content-Bytes-Replayed");
}

bool is_setting(std::string_view name) {
  return iequals(name, "Content-Type") || iequals(name, "Keep-Alive-Interval") || iequals(name, "Content-Bytes-Accepted") ||
         istarts_with(name, "Set-Meta-");
}

std::optional<WsMessageType> message_type(WsEventType type) {
  switch (type) {
    case WsEventType::text:
      return WsMessageType::text;
    case WsEventType::binary:
      return WsMessageType::binary;
    case WsEventType::ping:
      return WsMessageType::ping;
    case WsEventType::pong:
      return WsMessageType::pong;
    default:
      return std::nullopt;
  }
}

WsEventType event_type(WsMessageType type) {
  switch (type) {
    case WsMessageType::text:
      return WsEventType::text;
    case WsMessageType::binary:
      return WsEventType::binary;
    case WsMessageType::ping:
      return WsEventType::ping;
    case WsMessageType::pong:
      return WsEventType::pong;
  }
  return WsEventType::text;
}

}  // namespace

HttpBackend::HttpBackend(Gateway& gateway, const HeldRequest& request, const Target& target, uint32_t connection, User& user)
    : gateway_(gateway), user_(user), route_(*request.route), target_(target), connection_(connection) {
  const RequestHead head = websocket_request_head(gateway, request, target);
  const bool operators = std::any_of(route_.set_headers.begin(), route_.set_headers.end(),
                                     [](const auto& header) { return iequals(header.first, "Grip-Sig"); });
  signs_ = !request.facts.trusted && !operators && head.headers.has("Grip-Sig");
  grip_ = !request.facts.trusted && !route_.no_grip;
  std::string text = head.target + "\n";
  for (const auto& [name, value] : head.headers) {
    if (is_left_out(name) || (signs_ && iequals(name, "Grip-Sig"))) continue;
    if (grip_ && (iequals(name, "Grip-Feature") || iequals(name, "Sec-WebSocket-Extensions"))) continue;
    text.append(name).append(":").append(value).append("\n");
  }
  auto kept = std::make_unique<char[]>(text.size() + 1);
  std::copy_n(text.c_str(), text.size() + 1, kept.get());
  head_ = std::move(kept);
}

HttpBackend::~HttpBackend() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

HttpBackend::Busy& HttpBackend::busy() {
  if (!busy_) busy_ = std::make_unique<Busy>();
  return *busy_;
}

HttpBackend::Rare& HttpBackend::rare() {
  if (!rare_) {
    rare_ = std::make_unique<Rare>();
    rare_->timer.set_callback([this] { on_timer(); });
  }
  return *rare_;
}

// ---- from the session

void HttpBackend::open() { push(WsEventType::open, {}); }

bool HttpBackend::send(WsMessageType type, std::string data, bool first, bool last) {
  if (first && last) {
    push(event_type(type), std::move(data));
  } else {
    auto& assembling = busy().assembling;
    assembling += data;
    if (last) push(event_type(type), std::move(assembling));
    if (last && busy_) busy_->assembling = std::string();
  }
  waiting_ = busy_ && busy_->content >= gateway_.websocket().over_http_buffer;
  return !waiting_;
}

void HttpBackend::close(int code, std::string_view reason) {
  if (closed_) return;
  close_told_ = true;
  push(WsEventType::close, encode_close(code, reason));
}

bool HttpBackend::client_gone() {
  if (closed_) return true;
  if (left_) return false;
  left_ = true;
  if (!close_told_) push(WsEventType::disconnect, {});
  return false;
}

bool HttpBackend::client_fault(int) {
  listens_ = true;
  return client_gone();
}

void HttpBackend::resume() {
  paused_ = false;
  start_when_due();
}

bool HttpBackend::refresh() {
  ask();
  return true;
}

bool HttpBackend::tell_gap(std::string_view reason) {
  busy().gap = reason;
  ask();
  return true;
}

void HttpBackend::push(WsEventType type, std::string content) {
  auto& b = busy();
  b.content += content.size();
  b.queue.push_back({type, std::move(content)});
  b.fresh = true;
  start_when_due();
}

void HttpBackend::ask() {
  due_ = true;
  start_when_due();
}

// ---- requests

void HttpBackend::start_when_due() {
  const bool out = busy_ && busy_->call;
  const bool due = due_ || (busy_ && busy_->fresh);
  if (out || !due || retrying_ || (paused_ && !left_)) return;
  start();
}

void HttpBackend::start() {
  if (rare_) rare_->timer.cancel();
  due_ = false;
  auto& b = busy();
  b.offered = target_.one_event ? std::min<size_t>(1, b.queue.size()) : b.queue.size();
  b.fresh = b.queue.size() > b.offered;
  b.offered_content = 0;
  b.body.clear();
  for (size_t i = 0; i < b.offered; ++i) {
    encode_event(b.queue[i].type, b.queue[i].content, b.body);
    b.offered_content += b.queue[i].content.size();
  }
  UpstreamRequest request;
  request.head = next_head();
  request.endpoints.push_back(endpoint_of(target_, request.head.headers.get("Host")));
  request.body = {b.body.empty() ? Framing::none : Framing::length, b.body.size()};
  b.call = gateway_.upstream().request(std::move(request), *this);
}

RequestHead HttpBackend::next_head() const {
  RequestHead head;
  head.method = "POST";
  std::string_view text = head_.get();
  const auto next_line = [&] {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
  };
  head.target = next_line();
  head.headers.reserve(12);
  while (!text.empty()) {
    const std::string_view line = next_line();
    const size_t colon = line.find(':');
    head.headers.add(line.substr(0, colon), line.substr(colon + 1));
  }
  head.headers.add("Sec-WebSocket-Version", "13");
  head.headers.add("Connection-Id", gateway_.connection_id(connection_));
  head.headers.add("Accept", kMediaType);
  head.headers.add("Content-Type", kMediaType);
  if (grip_) {
    head.headers.add("Sec-WebSocket-Extensions", "grip");
    head.headers.add("Grip-Feature", grip_features());
  }
  if (signs_) {
    const SignatureKey* its_own = gateway_.route_key(route_);
    const SignatureKey& key = its_own != nullptr ? *its_own : gateway_.rules().key;
    head.headers.add("Grip-Sig",
                     key.sign(route_.signature_issuer.empty() ? gateway_.rules().issuer : route_.signature_issuer, gateway_.wall()));
  }
  if (rare_) {
    for (const auto& [name, value] : rare_->meta) head.headers.add("Meta-" + name, value);
  }
  if (busy_->replayed > 0) head.headers.add("Content-Bytes-Replayed", std::to_string(busy_->replayed));
  if (!busy_->gap.empty()) head.headers.add("Holdfast-Gap", busy_->gap);
  return head;
}

void HttpBackend::on_send_ready() {
  if (!busy_->body.empty()) busy_->call->send(Bytes(std::exchange(busy_->body, {})), true);
}

void HttpBackend::on_head(ResponseHead head, BodyFraming) {
  strip_response_head(head.headers);
  busy_->head = std::move(head);
}

void HttpBackend::on_body(Bytes piece) {
  auto& b = *busy_;
  const bool refuses = !opened_ && (b.head.status != 200 || !is_websocket_events(b.head.headers.get("Content-Type")));
  const size_t limit = refuses ? kMaxRefusal : gateway_.websocket().over_http_reply;
  if (b.reply.size() + piece.size() <= limit) {
    b.reply.append(piece.view());
    return;
  }
  const std::string where = to_string(b.call->endpoint());
  b.call.reset();
  if (left_) return user_.on_backend_done();
  if (opened_) return lose("the answer of " + where + " is too large");
  if (!refuses) return user_.on_open_failed(502, where + ": the answer to OPEN is too large");
  b.reply.append(piece.view().substr(0, limit - b.reply.size()));
  user_.on_refused(std::move(b.head), Bytes(std::move(b.reply)));
}

void HttpBackend::on_error(UpstreamError error, const std::string& text) {
  const std::string where = to_string(busy_->call->endpoint());
  busy_->call.reset();
  busy_->reply.clear();
  const bool not_sent = error == UpstreamError::connect_failed || error == UpstreamError::blocked || error == UpstreamError::overloaded;
  if (!opened_ && left_) return user_.on_backend_done();
  if (!opened_ && error != UpstreamError::overloaded && not_sent) return user_.on_unreachable(where);
  if (!opened_) {
    return user_.on_open_failed(error == UpstreamError::timeout      ? 504
                                : error == UpstreamError::overloaded ? 503
                                                                     : 502,
                                where + ": " + text);
  }
  if (not_sent && attempts_ < kMaxAttempts) {
    retrying_ = true;
    set_timer(Duration(1000 << attempts_) + gateway_.jitter(Duration(1000)));
    ++attempts_;
    return;
  }
  if (left_) return user_.on_backend_done();
  lose(where + ": " + text);
}

void HttpBackend::set_timer(Duration delay) { gateway_.timers().set_in(rare().timer, delay); }

void HttpBackend::on_timer() {
  const bool again = retrying_;
  retrying_ = false;
  if (again) return start();
  ask();
}

// ---- answers

void HttpBackend::on_end() {
  attempts_ = 0;
  auto& b = *busy_;
  b.call.reset();
  b.gap.clear();
  auto head = std::move(b.head);
  const std::string reply = std::exchange(b.reply, {});
  take_answer(std::move(head), reply);
}

void HttpBackend::take_answer(ResponseHead head, const std::string& reply) {
  const bool speaks = head.status == 200 && is_websocket_events(head.headers.get("Content-Type"));
  if (!speaks) {
    if (left_) return user_.on_backend_done();
    if (!opened_) return user_.on_refused(std::move(head), Bytes(reply));
    return lose("the answer has status " + std::to_string(head.status) + " and is no list of events");
  }
  auto events = decode_events(reply);
  auto taken = events ? take_settings(head.headers) : Result<void>(fail(events.error()));
  if (taken) taken = take_accepted(head.headers);
  if (!taken) {
    if (left_) return user_.on_backend_done();
    return opened_ ? lose(taken.error().text) : user_.on_open_failed(502, taken.error().text);
  }
  if (!left_ && !opened_) return judge_opening(head, *events);
  if ((!left_ || listens_) && !deliver(*events)) return;
  go_on();
}

void HttpBackend::judge_opening(ResponseHead& head, const std::vector<WsHttpEvent>& events) {
  if (events.empty() && keep_alive_seconds_ > 0) return go_on();  // not yet
  if (events.empty() || events.front().type != WsEventType::open) {
    return user_.on_open_failed(502, "the answer to OPEN does not begin with OPEN");
  }
  opened_ = true;
  head.headers.remove_if([](const Headers::Field& field) { return is_setting(field.first); });
  bool destroyed = false;
  destroyed_ = &destroyed;
  user_.on_accepted(std::move(head.headers));
  if (destroyed) return;
  destroyed_ = nullptr;
  if (deliver({events.begin() + 1, events.end()})) go_on();
}

// False: it is over.
bool HttpBackend::deliver(const std::vector<WsHttpEvent>& events) {
  bool destroyed = false;
  destroyed_ = &destroyed;
  for (const auto& event : events) {
    if (closed_) break;
    const bool goes_on = tell(event);
    if (destroyed) return false;
    if (!goes_on) {
      destroyed_ = nullptr;
      return false;
    }
  }
  destroyed_ = nullptr;
  return true;
}

// False: the backend is lost, which was told.
bool HttpBackend::tell(const WsHttpEvent& event) {
  if (const auto type = message_type(event.type)) {
    const bool control = *type == WsMessageType::ping || *type == WsMessageType::pong;
    if (control && event.content.size() > 125) return lose("a ping or pong is longer than 125 bytes"), false;
    if (*type == WsMessageType::text && !valid_utf8(event.content)) return lose("a text is not UTF-8"), false;
    user_.on_backend_message(*type, std::string(event.content), true, true);
    return true;
  }
  if (event.type == WsEventType::close) {
    const auto close = decode_close(event.content);
    if (!close) return lose("a bad CLOSE: " + close.error().text), false;
    closed_ = true;
    // Code 0 is how some libraries say that they give none.
    user_.on_backend_close(is_ws_close_code(close->code) ? close->code : 0, is_ws_close_code(close->code) ? close->reason : "");
    return true;
  }
  return lose(event.type == WsEventType::open ? "a second OPEN" : "DISCONNECT"), false;
}

Result<void> HttpBackend::take_settings(const Headers& headers) {
  constexpr std::string_view kSetMeta = "Set-Meta-";
  size_t stored = 0;
  for (const auto& [name, value] : headers) {
    if (!istarts_with(name, kSetMeta) || name.size() == kSetMeta.size()) continue;
    const std::string_view meta = std::string_view(name).substr(kSetMeta.size());
    auto& kept = rare().meta;
    std::erase_if(kept, [&](const auto& entry) { return iequals(entry.first, meta); });
    if (!value.empty()) kept.emplace_back(meta, value);
  }
  if (rare_) {
    for (const auto& [name, value] : rare_->meta) stored += name.size() + value.size();
  }
  if (stored > kMaxMeta) return invalid("the backend has stored too much by Set-Meta");
  if (const auto* interval = headers.find("Keep-Alive-Interval")) {
    const auto seconds = parse_uint(trim(*interval));
    keep_alive_seconds_ = seconds && *seconds > 0 && *seconds < 1'000'000 ? static_cast<uint32_t>(std::max(*seconds, kMinKeepAlive)) : 0;
  }
  return {};
}

// Takes out of the queue what the backend has accepted: all that was offered, unless it says less.
Result<void> HttpBackend::take_accepted(const Headers& headers) {
  auto& b = *busy_;
  size_t accepted = b.offered_content;
  const auto* said = headers.find("Content-Bytes-Accepted");
  if (said != nullptr) {
    const auto number = parse_uint(trim(*said));
    if (!number || *number > b.offered_content) return invalid("Content-Bytes-Accepted is more than was offered");
    accepted = static_cast<size_t>(*number);
  }
  const bool was_full = b.content >= gateway_.websocket().over_http_buffer;
  if (was_full && accepted == 0 && b.offered_content > 0) return invalid("the backend accepts nothing though the buffer is full");
  size_t left = accepted;
  size_t whole = 0;
  while (whole < b.offered && b.queue[whole].content.size() <= left) left -= b.queue[whole++].content.size();
  if (whole < b.offered && b.queue[whole].type == WsEventType::close) {
    left = 0;  // a Close cannot be accepted in part
    ++whole;
  }
  const size_t kept = b.offered - whole;
  b.queue.erase(b.queue.begin(), b.queue.begin() + static_cast<std::ptrdiff_t>(whole));
  if (kept > 0) b.queue.front().content.erase(0, left);
  b.content = b.replayed = 0;
  for (size_t i = 0; i < b.queue.size(); ++i) {
    b.content += b.queue[i].content.size();
    if (i < kept) b.replayed += b.queue[i].content.size();
  }
  b.offered = b.offered_content = 0;
  return {};
}

// After an answer.
void HttpBackend::go_on() {
  auto& b = *busy_;
  if (left_ && b.queue.empty()) return user_.on_backend_done();
  if (close_told_ && !closed_ && b.queue.empty() && keep_alive_seconds_ == 0) return lose("no CLOSE in the answer to CLOSE");
  if (closed_) return;
  if (waiting_ && b.content < gateway_.websocket().over_http_buffer) {
    waiting_ = false;
    bool destroyed = false;
    destroyed_ = &destroyed;
    user_.on_backend_room();
    if (destroyed) return;
    destroyed_ = nullptr;
  }
  start_when_due();
  if (busy_->call) return;
  if (busy_->queue.empty() && busy_->assembling.empty() && busy_->gap.empty()) busy_.reset();
  if (keep_alive_seconds_ > 0) set_timer(std::chrono::seconds(keep_alive_seconds_));
}

void HttpBackend::lose(const std::string& reason) {
  busy_.reset();
  user_.on_backend_gone(reason);
}

}  // namespace holdfast
