#include "gateway/net/websocket.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include <wslay/wslay.h>

#include "gateway/base/text.h"
#include "gateway/base/utf8_stream.h"

namespace holdfast {

namespace {

constexpr size_t kKept = 16;  // idle wslay contexts (4 kB each) and inflaters (some 40 kB each) of a thread
constexpr uint8_t kRsv1 = 4;

bool is_control(uint8_t opcode) { return (opcode & 8) != 0; }

// Inflaters for messages that stand for themselves. One is lent for the time of a message.
std::vector<std::unique_ptr<Inflater>>& idle_inflaters() {
  thread_local std::vector<std::unique_ptr<Inflater>> idle;
  return idle;
}

std::unique_ptr<Inflater> lend_inflater() {
  auto& idle = idle_inflaters();
  if (idle.empty()) return std::make_unique<Inflater>(15, false);
  auto out = std::move(idle.back());
  idle.pop_back();
  return out;
}

void take_back(std::unique_ptr<Inflater> inflater) {
  inflater->reset();
  if (idle_inflaters().size() < kKept) idle_inflaters().push_back(std::move(inflater));
}

}  // namespace

// What reading needs: from the first byte that comes in to the end of the frame that they end with.
struct WsReader::Active {
  Active() {
    const wslay_frame_callbacks callbacks{nullptr, &Active::give, nullptr};
    if (wslay_frame_context_init(&context, &callbacks, this) != 0) throw std::bad_alloc();
  }
  ~Active() { wslay_frame_context_free(context); }
  Active(const Active&) = delete;
  Active& operator=(const Active&) = delete;

  static ssize_t give(uint8_t* into, size_t size, int, void* self) {
    auto& active = *static_cast<Active*>(self);
    const size_t count = std::min(size, active.input.size());
    if (count == 0) return -1;
    std::memcpy(into, active.input.data(), count);
    active.input.remove_prefix(count);
    active.given += count;
    return static_cast<ssize_t>(count);
  }

  static std::vector<std::unique_ptr<Active>>& idle() {
    thread_local std::vector<std::unique_ptr<Active>> list;
    return list;
  }

  wslay_frame_context_ptr context = nullptr;
  std::string_view input;
  uint64_t given = 0;     // to wslay
  uint64_t finished = 0;  // of that, bytes of frames that are whole
  wslay_frame_iocb frame{};
  bool in_frame = false;
  uint64_t frame_left = 0;

  std::string control;          // payload of the control frame that is read
  std::string part;             // of the message, not told yet
  std::optional<WsEvent> next;  // comes after the part that was just told
};

// What is known of a message that has begun.
struct WsReader::Message {
  uint64_t bytes = 0;
  int64_t frames = 0;
  Utf8Stream utf8;
  bool text;
  bool compressed;
  bool told_first = false;
};

WsReader::WsReader(WsSide side, const WsLimits& limits) : limits_(limits), side_(side) {}

WsReader::~WsReader() = default;

void WsReader::set_deflate(const DeflateTerms& terms) {
  deflate_ = terms;
  if (terms.on && terms.peer_takeover) inflater_ = std::make_unique<Inflater>(terms.peer_bits, true);
}

void WsReader::feed(std::string_view data) {
  if (over_) return;
  if (!active_ && !Active::idle().empty()) {
    active_ = std::move(Active::idle().back());
    Active::idle().pop_back();
  }
  if (!active_) active_ = std::make_unique<Active>();
  active_->input = data;
}

// Between frames there is nothing in wslay that the next user of the context could see.
void WsReader::give_back() {
  auto& a = *active_;
  if (a.in_frame || a.given != a.finished) return;
  a.given = a.finished = 0;
  if (Active::idle().size() < kKept) {
    Active::idle().push_back(std::move(active_));
  } else {
    active_.reset();
  }
}

WsEvent WsReader::violation(int code, const char* text) {
  over_ = true;
  active_.reset();
  inflater_.reset();
  WsEvent out;
  out.kind = WsEvent::Kind::violation;
  out.code = code;
  out.data = text;
  return out;
}

WsEvent WsReader::next() {
  if (!active_) return {};
  auto& a = *active_;
  if (a.next) return *std::exchange(a.next, std::nullopt);
  if (over_) {
    active_.reset();
    return {};
  }
  for (;;) {
    const ssize_t got = wslay_frame_recv(a.context, &a.frame);
    if (got == WSLAY_ERR_WANT_READ) break;
    if (got < 0) return violation(kWsProtocolError, "a frame's length or kind is wrong");
    if (!a.in_frame) {
      if (auto event = begin_frame()) return *std::move(event);
    }
    a.frame_left -= static_cast<uint64_t>(got);
    const std::string_view data(reinterpret_cast<const char*>(a.frame.data), static_cast<size_t>(got));
    const bool frame_ends = a.frame_left == 0;
    if (is_control(a.frame.opcode)) {
      a.control += data;
    } else if (auto event = add(data, frame_ends && a.frame.fin != 0)) {
      return *std::move(event);
    }
    if (!frame_ends) continue;
    if (auto event = end_frame()) return *std::move(event);
  }
  if (!a.part.empty()) return take_part(false);
  give_back();
  return {};
}

std::optional<WsEvent> WsReader::begin_frame() {
  auto& a = *active_;
  const auto& frame = a.frame;
  a.in_frame = true;
  a.frame_left = frame.payload_length;
  if ((frame.mask != 0) != (side_ == WsSide::server)) {
    return violation(kWsProtocolError, side_ == WsSide::server ? "a frame is not masked" : "a frame is masked");
  }
  if (is_control(frame.opcode)) {
    if (frame.rsv != 0) return violation(kWsProtocolError, "a control frame has reserved bits");
    if (frame.opcode > WSLAY_PONG) return violation(kWsProtocolError, "an unknown opcode");
    return std::nullopt;
  }
  if (frame.opcode > WSLAY_BINARY_FRAME) return violation(kWsProtocolError, "an unknown opcode");
  const bool begins = frame.opcode != WSLAY_CONTINUATION_FRAME;
  if (begins == (message_ != nullptr)) {
    return violation(kWsProtocolError, begins ? "a message begins inside another" : "a continuation without a message");
  }
  if (frame.rsv != 0 && !(frame.rsv == kRsv1 && begins && deflate_.on)) return violation(kWsProtocolError, "reserved bits are set");
  if (begins) {
    message_ = std::make_unique<Message>();
    message_->text = frame.opcode == WSLAY_TEXT_FRAME;
    message_->compressed = frame.rsv == kRsv1;
    if (message_->compressed && !inflater_) inflater_ = lend_inflater();
  }
  auto& m = *message_;
  if (limits_.max_frames > 0 && ++m.frames > limits_.max_frames) return violation(kWsPolicy, "a message of too many frames");
  if (!m.compressed) {
    if (limits_.max_message > 0 && frame.payload_length > limits_.max_message - std::min(limits_.max_message, m.bytes)) {
      return violation(kWsTooBig, "a message that is too large");
    }
    m.bytes += frame.payload_length;
  }
  return std::nullopt;
}

// Message content. nullopt: go on.
std::optional<WsEvent> WsReader::add(std::string_view data, bool message_ends) {
  auto& m = *message_;
  auto& part = active_->part;
  const size_t before = part.size();
  auto inflated = Inflater::Outcome::ok;
  if (!m.compressed) {
    part += data;
  } else {
    const uint64_t room = limits_.max_message > 0 ? limits_.max_message - m.bytes : Inflater::kNoLimit;
    inflated = inflater_->piece(data, message_ends, room, part);
  }
  // What came out before a fault is judged first: the verdict must not hang on how the bytes were cut.
  if (m.text && !m.utf8.feed(std::string_view(part).substr(before))) return violation(kWsBadData, "a text that is not UTF-8");
  if (inflated == Inflater::Outcome::too_big) return violation(kWsTooBig, "a message that is too large when inflated");
  if (inflated == Inflater::Outcome::bad_data) return violation(kWsBadData, "a message that does not inflate");
  if (!message_ends) return std::nullopt;
  if (m.text && !m.utf8.complete()) return violation(kWsBadData, "a text that ends inside a character");
  return std::nullopt;
}

std::optional<WsEvent> WsReader::end_frame() {
  auto& a = *active_;
  const auto& frame = a.frame;
  const uint64_t length = frame.payload_length;
  a.in_frame = false;
  a.finished += 2 + (length > 65535 ? 8 : length > 125 ? 2 : 0) + (frame.mask != 0 ? 4 : 0) + length;
  if (!is_control(frame.opcode)) return frame.fin != 0 ? std::optional(take_part(true)) : std::nullopt;

  WsEvent out;
  out.kind = WsEvent::Kind::control;
  out.data = std::exchange(a.control, {});
  if (frame.opcode == WSLAY_CONNECTION_CLOSE) {
    out.kind = WsEvent::Kind::close;
    if (out.data.size() == 1) return violation(kWsProtocolError, "a Close of one byte");
    if (!out.data.empty()) {
      out.code = static_cast<unsigned char>(out.data[0]) << 8 | static_cast<unsigned char>(out.data[1]);
      out.data.erase(0, 2);
      if (!is_ws_close_code(out.code)) return violation(kWsProtocolError, "a Close with a code that is not allowed");
      if (!valid_utf8(out.data)) return violation(kWsBadData, "a Close whose reason is not UTF-8");
    }
    over_ = true;
  } else {
    out.type = frame.opcode == WSLAY_PING ? WsMessageType::ping : WsMessageType::pong;
    out.first = out.last = true;
  }
  if (a.part.empty()) return out;
  a.next = std::move(out);
  return take_part(false);
}

WsEvent WsReader::take_part(bool last) {
  auto& m = *message_;
  WsEvent out;
  out.kind = WsEvent::Kind::part;
  out.type = m.text ? WsMessageType::text : WsMessageType::binary;
  out.data = std::exchange(active_->part, {});
  out.first = !std::exchange(m.told_first, true);
  out.last = last;
  if (m.compressed) m.bytes += out.data.size();
  if (last) {
    message_.reset();
    if (inflater_ && !deflate_.peer_takeover) take_back(std::move(inflater_));
  }
  return out;
}

}  // namespace holdfast
