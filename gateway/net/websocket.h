#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/bytes.h"
#include "gateway/base/ws_message_type.h"
#include "gateway/net/permessage_deflate.h"

namespace holdfast {

// WebSocket framing (RFC 6455), without a socket: bytes in, messages out, and the other way round. wslay reads the frames; rules that span
// frames, UTF-8 and inflating are kept here.

// The side that this end of the connection plays: a server reads masked frames and writes plain ones, a client the other way round.
enum class WsSide : uint8_t { server, client };

// Close codes that this end uses itself.
inline constexpr int kWsGoingAway = 1001;
inline constexpr int kWsProtocolError = 1002;
inline constexpr int kWsBadData = 1007;  // text that is not UTF-8, data that does not inflate
inline constexpr int kWsPolicy = 1008;
inline constexpr int kWsTooBig = 1009;
inline constexpr int kWsInternalError = 1011;
inline constexpr int kWsTryAgainLater = 1013;

struct WsLimits {
  uint64_t max_message = 1'048'576;  // bytes of a message, after inflating; 0: none
  int64_t max_frames = 1024;         // frames of a message; 0: none
};

struct WsEvent {
  enum class Kind {
    none,       // everything that was fed is used up
    part,       // of a text or binary message
    control,    // ping or pong
    close,      // the peer's Close; what follows it is ignored
    violation,  // the peer broke the rules: close with `code`; nothing follows
  };
  Kind kind = Kind::none;
  WsMessageType type = WsMessageType::text;  // of part and control
  bool first = false, last = false;          // of part: a whole message has both. Text is checked; a part may end inside a character.
  std::string data;                          // of part and control; the reason of close; the fault of violation, for logs
  int code = 0;                              // of close (0: none was given) and violation
};

// Reads one connection's frames. Between messages it owns nothing but these few fields: what reading needs is lent by its thread.
// Threads: its loop.
class WsReader {
 public:
  WsReader(WsSide side, const WsLimits& limits);
  ~WsReader();
  WsReader(WsReader&&) = delete;

  // Compressed messages are taken from now on.
  void set_deflate(const DeflateTerms& terms);
  const DeflateTerms& deflate() const { return deflate_; }

  // Gives bytes that were read. They stay valid until next() has said `none`; only then feed() may be called again.
  void feed(std::string_view data);
  // The next event. The parts of a message that came with one feed() are one part, unless a control frame is between them.
  WsEvent next();

 private:
  struct Active;
  struct Message;

  // nullopt: go on.
  std::optional<WsEvent> begin_frame();
  std::optional<WsEvent> end_frame();
  WsEvent take_part(bool last);
  WsEvent violation(int code, const char* text);
  std::optional<WsEvent> add(std::string_view data, bool message_ends);
  void give_back();

  const WsLimits& limits_;  // outlive it: the options
  std::unique_ptr<Active> active_;
  std::unique_ptr<Message> message_;
  std::unique_ptr<Inflater> inflater_;  // only with the peer's context takeover
  DeflateTerms deflate_;
  WsSide side_;
  bool over_ = false;
};

// ---- writing

// One frame. `mask`: from a client. `compressed`: content was deflated, RSV1 is set (first frame only).
enum class WsOpcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
struct WsFrame {
  WsOpcode opcode = WsOpcode::text;
  bool final = true;
  bool compressed = false;
};
WsOpcode opcode_of(WsMessageType type);

// Header and content in one piece. A client's frame is masked with a new random key.
std::string ws_frame(const WsFrame& frame, std::string_view content, WsSide side);
// A Close frame; code 0: without a body. The reason is cut at 123 bytes, not inside a character.
std::string ws_close_frame(int code, std::string_view reason, WsSide side);
// Codes that may stand in a Close frame.
bool is_ws_close_code(int code);

}  // namespace holdfast
