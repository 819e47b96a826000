#include "gateway/session/websocket/socket_end.h"

#include "gateway/base/log.h"
#include "gateway/base/text.h"
#include "gateway/net/websocket_handshake.h"

namespace holdfast {

namespace {

// Places for renderings that listeners share; 0 and 1 are those of streams.
constexpr size_t kPlainShape = 2;
constexpr size_t kDeflatedShape = 3;
constexpr size_t kMaxDeferred = 65536;

}  // namespace

SocketEnd::SocketEnd(const WsOptions& options, Exchange& exchange, const RequestHead& request, User& user)
    : options_(options), exchange_(&exchange), user_(user), reader_(WsSide::server, options.limits) {
  auto& opening = rare().opening;
  for (auto& field : request.headers) {
    if (istarts_with(field.first, "Sec-WebSocket-")) opening.headers.add(field.first, field.second);
  }
  exchange.set_observer(this);
}

SocketEnd::~SocketEnd() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

SocketEnd::Rare& SocketEnd::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

// ---- the verdict

void SocketEnd::accept(const Headers& headers, std::string_view raw_extensions) {
  if (exchange_ == nullptr) return;
  opening_ = false;
  const RequestHead opening = std::move(std::exchange(rare_, nullptr)->opening);
  std::string extensions(raw_extensions);
  if (extensions.empty() && options_.compression.enabled) {
    std::string offers;
    for (const auto value : opening.headers.all("Sec-WebSocket-Extensions")) {
      if (!offers.empty()) offers += ", ";
      offers += value;
    }
    if (auto agreed = offers.empty() ? std::nullopt : agree_deflate(offers, options_.compression)) {
      extensions = std::move(agreed->answer);
      reader_.set_deflate(agreed->terms);
      if (terms().our_takeover) {
        rare().deflater = std::make_unique<Deflater>(static_cast<int>(options_.compression.level), terms().our_bits, true);
      }
    }
  }
  exchange_->upgrade(accept_handshake(opening, headers, extensions));
  exchange_->hold();
  if (!paused_) resume();
}

void SocketEnd::refuse(const ResponseHead& head, Bytes body) {
  if (exchange_ == nullptr) return;
  auto* exchange = std::exchange(exchange_, nullptr);
  exchange->respond(head, {Framing::length, body.size()});
  exchange->write(std::move(body));
  exchange->end();
}

// ---- reading

void SocketEnd::pause() { paused_ = true; }

void SocketEnd::resume() {
  paused_ = false;
  if (exchange_ == nullptr || opening_ || pulling_) return;
  pulling_ = true;
  exchange_->pull_body();
}

void SocketEnd::on_bytes(std::string_view data) {
  pulling_ = false;
  if (data.empty()) {
    // A client that said Close may end its side before it reads our answer.
    if (!close_got_) lose();
    return;
  }
  bool destroyed = false;
  destroyed_ = &destroyed;
  reader_.feed(data);
  for (bool more = true; more && !destroyed;) {
    auto event = reader_.next();
    switch (event.kind) {
      case WsEvent::Kind::none:
        more = false;
        break;
      case WsEvent::Kind::part:
        user_.on_client_message(event.type, std::move(event.data), event.first, event.last);
        break;
      case WsEvent::Kind::control:
        user_.on_client_message(event.type, std::move(event.data), true, true);
        break;
      case WsEvent::Kind::close:
        close_got_ = true;
        user_.on_client_close(event.code, event.data);
        break;
      case WsEvent::Kind::violation:
        more = false;
        violated(event);
        break;
    }
    if (!destroyed && exchange_ == nullptr) more = false;
  }
  if (destroyed) return;
  destroyed_ = nullptr;
  if (exchange_ != nullptr && !paused_) resume();
}

void SocketEnd::violated(const WsEvent& event) {
  log::debug("a client broke the rules of WebSocket", {{"peer", exchange_->peer().address}, {"code", event.code}, {"reason", event.data}});
  paused_ = true;
  user_.on_client_fault(event.code);
}

void SocketEnd::on_writable() {
  if (exchange_ != nullptr) user_.on_client_writable();
}

void SocketEnd::on_gone() {
  exchange_ = nullptr;
  user_.on_client_gone();
}

// Gives the client up: what was written is still sent.
void SocketEnd::lose() {
  end();
  user_.on_client_gone();
}

// ---- writing

std::string SocketEnd::deflate(std::string_view content) {
  auto* own = own_deflater();
  return (own != nullptr ? *own : thread_deflater(static_cast<int>(options_.compression.level), terms().our_bits)).message(content);
}

bool SocketEnd::compresses(std::string_view content) const {
  return terms().on && content.size() >= static_cast<size_t>(options_.compression.min_size);
}

Bytes SocketEnd::render(WsMessageType type, const Bytes& content) {
  const bool data = type == WsMessageType::text || type == WsMessageType::binary;
  if (data && compresses(content.view())) {
    return Bytes(ws_frame({opcode_of(type), true, true}, deflate(content.view()), WsSide::server));
  }
  return Bytes(ws_frame({opcode_of(type), true, false}, content.view(), WsSide::server));
}

WriteResult SocketEnd::relay(WsMessageType type, std::string_view data, bool first, bool last) {
  if (exchange_ == nullptr || close_sent_) return WriteResult::gone;
  if (type == WsMessageType::ping || type == WsMessageType::pong) {
    return exchange_->relay(Bytes(ws_frame({opcode_of(type), true, false}, data, WsSide::server)));
  }
  WriteResult result;
  if (first && last && compresses(data)) {
    result = exchange_->relay(Bytes(ws_frame({opcode_of(type), true, true}, deflate(data), WsSide::server)));
  } else {
    result = exchange_->relay(Bytes(ws_frame({first ? opcode_of(type) : WsOpcode::continuation, last, false}, data, WsSide::server)));
  }
  relaying_ = !last;
  if (last && rare_) flush_deferred();
  return result;
}

const Rendering& SocketEnd::shared_rendering(WsMessageType type, const Bytes& content, const Delivery& shared) {
  const bool deflated = compresses(content.view());
  auto& rendering = shared.rendering(deflated ? kDeflatedShape : kPlainShape);
  if (!rendering) rendering = std::make_shared<const Rendering>(render(type, content));
  return *rendering;
}

WriteResult SocketEnd::send(WsMessageType type, const Bytes& content, const Delivery* shared) {
  if (exchange_ == nullptr || close_sent_) return WriteResult::gone;
  const bool data = type == WsMessageType::text || type == WsMessageType::binary;
  if (relaying_ && data) {
    if (rare().deferred_size + content.size() > kMaxDeferred) {
      log::info("a client whose backend does not end its message was dropped", {{"peer", exchange_->peer().address}});
      exchange_->abort();
      exchange_ = nullptr;
      return WriteResult::gone;
    }
    rare_->deferred.push_back(render(type, content));
    rare_->deferred_size += content.size();
    return WriteResult::ok;
  }
  // With a context of its own, or other window bits than the usual, a rendering fits nobody else.
  const bool sharable = shared != nullptr && own_deflater() == nullptr && (!terms().on || terms().our_bits == 15);
  if (sharable) return exchange_->write(shared_rendering(type, content, *shared));
  return exchange_->write(render(type, content));
}

void SocketEnd::flush_deferred() {
  rare_->deferred_size = 0;
  for (auto& frame : std::exchange(rare_->deferred, {})) exchange_->relay(std::move(frame));
}

void SocketEnd::close(int code, std::string_view reason) {
  if (exchange_ == nullptr || close_sent_) return;
  close_sent_ = true;
  exchange_->relay(Bytes(ws_close_frame(code, reason, WsSide::server)));
}

void SocketEnd::end() {
  if (exchange_ == nullptr) return;
  auto* exchange = std::exchange(exchange_, nullptr);
  if (opening_) return exchange->abort();
  exchange->end();
}

}  // namespace holdfast
