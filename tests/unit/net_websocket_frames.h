#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/net/websocket.h"

namespace holdfast::ws_test {
using namespace std::string_literals;
using Kind = WsEvent::Kind;

// Frames by hand, so that wrong ones can be made. First bytes: final, reserved bits and opcode.
inline constexpr int kFinal = 0x80, kRsv1 = 0x40, kRsv2 = 0x20, kRsv3 = 0x10;
inline constexpr int kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

inline std::string header(int first, uint64_t size, bool masked = true, int size_bytes = -1) {
  if (size_bytes < 0) size_bytes = size > 65535 ? 8 : size > 125 ? 2 : 0;
  std::string out{static_cast<char>(first), static_cast<char>((masked ? 0x80 : 0) | (size_bytes == 8   ? 127
                                                                                     : size_bytes == 2 ? 126
                                                                                                       : static_cast<int>(size)))};
  for (int i = size_bytes; i-- > 0;) out += static_cast<char>(size >> (8 * i) & 0xff);
  return out;
}

// As a client sends it.
inline std::string frame(int first, std::string_view content) {
  constexpr std::string_view kMask = "\x37\xfa\x21\x3d";
  std::string out = header(first, content.size()).append(kMask);
  for (size_t i = 0; i < content.size(); ++i) out += static_cast<char>(content[i] ^ kMask[i % 4]);
  return out;
}

// As a server does.
inline std::string plain_frame(int first, std::string_view content) { return header(first, content.size(), false).append(content); }

inline std::string close_content(int code, std::string_view reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}.append(reason);
}

// What a reader told, in one line. A message stands where its first part was told and what came inside it stands inside:
// text(ab[ping(x)]cd). It is the same however the bytes are cut, but for what was told of a message that a violation broke off.
class Story {
 public:
  void add(const WsEvent& event) {
    switch (event.kind) {
      case Kind::none:
        break;
      case Kind::part:
        EXPECT_EQ(event.first, !open_);
        EXPECT_TRUE(event.last || !event.data.empty()) << "an empty part in between";
        EXPECT_TRUE(event.type == WsMessageType::text || event.type == WsMessageType::binary);
        if (event.first) opened_at_ = text_.size();
        if (event.first) text_ += event.type == WsMessageType::text ? " text(" : " binary(";
        text_ += event.data;
        if (event.last) text_ += ')';
        open_ = !event.last;
        break;
      case Kind::control:
        EXPECT_TRUE(event.first && event.last);
        told(event.type == WsMessageType::ping ? "ping" : "pong", event.data);
        break;
      case Kind::close:
        told("close", std::to_string(event.code) + (event.data.empty() ? "" : " " + event.data));
        break;
      case Kind::violation:
        EXPECT_FALSE(event.data.empty());
        violation_ = event.code;
        settled_ = text_.substr(0, open_ ? opened_at_ : text_.size()) + " violation(" + std::to_string(event.code) + ")";
        break;
    }
    ++events_;
  }
  // Without the leading blank.
  std::string text() const { return text_.empty() ? text_ : text_.substr(text_.front() == ' ' ? 1 : 0); }
  // Without the message that a violation broke off, and with the violation.
  std::string settled() const { return violation_ == 0 ? text_ : settled_; }
  int violation() const { return violation_; }  // 0: none
  int events() const { return events_; }

 private:
  void told(std::string_view kind, std::string_view content) {
    text_.append(open_ ? "[" : " ").append(kind).append("(").append(content).append(")");
    if (open_) text_ += ']';
  }
  std::string text_, settled_;
  size_t opened_at_ = 0;
  bool open_ = false;
  int violation_ = 0;
  int events_ = 0;
};

inline constexpr DeflateTerms kDeflate{true, false, false, 15, 15};
inline constexpr DeflateTerms kDeflateKept{true, true, true, 15, 15};

struct Terms {
  WsSide side = WsSide::server;
  WsLimits limits;
  DeflateTerms deflate;
};

inline void drain(WsReader& reader, Story& story) {
  for (auto event = reader.next(); event.kind != Kind::none; event = reader.next()) story.add(event);
}

inline Story read(std::string_view bytes, const Terms& setup = {}, size_t piece = SIZE_MAX) {
  WsReader reader(setup.side, setup.limits);
  reader.set_deflate(setup.deflate);
  Story story;
  while (!bytes.empty()) {
    // A copy of its own: reading past the end or after the turn is seen by the sanitizer.
    const std::string fed(bytes.substr(0, piece));
    bytes.remove_prefix(fed.size());
    reader.feed(fed);
    drain(reader, story);
  }
  return story;
}

// The story when cut in every way that matters; they must not differ.
inline std::string read_all_ways(std::string_view bytes, const Terms& setup = {}) {
  const auto whole = read(bytes, setup).text();
  for (size_t piece = 1; piece < bytes.size() && piece < 300; ++piece) EXPECT_EQ(read(bytes, setup, piece).text(), whole) << piece;
  return whole;
}

// The violation's code, the same whole and byte by byte; 0: none.
inline int violation(std::string_view bytes, const Terms& setup = {}) {
  const int whole = read(bytes, setup).violation();
  EXPECT_EQ(read(bytes, setup, 1).violation(), whole);
  EXPECT_EQ(read(bytes, setup, 3).violation(), whole);
  return whole;
}

// Text that compresses.
inline std::string prose(size_t size) {
  std::string out;
  for (size_t i = 0; out.size() < size; ++i) out += "line " + std::to_string(i * i) + ", gr\xc3\xbc\xc3\x9f; ";
  out.resize(size);
  while (!out.empty() && static_cast<unsigned char>(out.back()) >= 0x80) out.pop_back();
  out.resize(size, '.');
  return out;
}

}  // namespace holdfast::ws_test
