// WebSocket frames must mean the same however they are cut into pieces, and what one side writes the other must read.
// Input: a byte of flags, a seed of the cuts, then frames (or, with kRoundTrip, messages: each a byte of its size and kind, then content).
#include <random>
#include <string>
#include <utility>

#include "gateway/net/websocket.h"
#include "tests/fuzz/check.h"

using namespace holdfast;

namespace {

enum Flag : uint8_t { kClient = 1, kDeflate = 2, kTakeover = 4, kSmallLimits = 8, kRoundTrip = 16 };

// What a reader told. Of a message that a violation broke off nothing is kept: how much was told of it hangs on the cuts.
struct Told {
  std::string log, open;
  bool in_message = false;
  int violation = 0;

  void add(const WsEvent& event) {
    switch (event.kind) {
      case WsEvent::Kind::none:
        break;
      case WsEvent::Kind::part:
        check(event.first != in_message && (event.last || !event.data.empty()));
        open += event.data;
        in_message = !event.last;
        if (event.last) say(event.type == WsMessageType::text ? 't' : 'b', std::exchange(open, {}));
        break;
      case WsEvent::Kind::control:
        check(event.data.size() <= 125);
        say(event.type == WsMessageType::ping ? 'i' : 'o', event.data);
        break;
      case WsEvent::Kind::close:
        check(event.code == 0 || is_ws_close_code(event.code));
        say('c', std::to_string(event.code) + event.data);
        break;
      case WsEvent::Kind::violation:
        violation = event.code;
        open.clear();
        break;
    }
  }
  void say(char kind, const std::string& content) { log += kind + std::to_string(content.size()) + ":" + content; }
  bool operator==(const Told&) const = default;
};

Told read(std::string_view bytes, WsSide side, const WsLimits& limits, const DeflateTerms& deflate, const auto& piece_size) {
  WsReader reader(side, limits);
  reader.set_deflate(deflate);
  Told told;
  while (!bytes.empty()) {
    const std::string piece(bytes.substr(0, piece_size()));  // a copy: reading past it is seen
    bytes.remove_prefix(piece.size());
    reader.feed(piece);
    for (auto event = reader.next(); event.kind != WsEvent::Kind::none; event = reader.next()) told.add(event);
  }
  told.in_message = false;
  return told;
}

// The messages of the input as `side` writes them, and what a reader has to tell.
std::string write(std::string_view input, WsSide side, const DeflateTerms& deflate, Told& expected) {
  Deflater own(1, deflate.our_bits, deflate.our_takeover);
  std::string out;
  while (!input.empty()) {
    const auto first = static_cast<unsigned char>(input[0]);
    const std::string content(input.substr(1, first >> 2));
    input.remove_prefix(1 + content.size());
    if ((first & 1) != 0) {
      out += ws_frame({WsOpcode::ping, true, false}, content, side);
      expected.say('i', content);
    } else if ((first & 2) != 0 && deflate.on) {
      out += ws_frame({WsOpcode::binary, true, true}, own.message(content), side);
      expected.say('b', content);
    } else {
      const size_t half = content.size() / 2;
      out += ws_frame({WsOpcode::binary, false, false}, std::string_view(content).substr(0, half), side);
      out += ws_frame({WsOpcode::continuation, true, false}, std::string_view(content).substr(half), side);
      expected.say('b', content);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint8_t flags = data[0];
  std::minstd_rand random(data[1] + 1U);
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const WsSide reader = (flags & kClient) != 0 ? WsSide::client : WsSide::server;
  const WsSide writer = reader == WsSide::client ? WsSide::server : WsSide::client;
  const bool takeover = (flags & kTakeover) != 0;
  const DeflateTerms deflate{(flags & kDeflate) != 0, takeover, takeover, 15, 15};
  WsLimits limits;
  if ((flags & kSmallLimits) != 0) limits = {100, 4};

  Told expected;
  const bool round_trip = (flags & kRoundTrip) != 0;
  const std::string bytes = round_trip ? write(input, writer, deflate, expected) : std::string(input);
  const auto whole = read(bytes, reader, limits, deflate, [&] { return bytes.size(); });
  if (round_trip) check(whole == expected);
  check(whole == read(bytes, reader, limits, deflate, [] { return size_t{1}; }));
  check(whole == read(bytes, reader, limits, deflate, [&] { return size_t{1} + random() % 16; }));
  return 0;
}
