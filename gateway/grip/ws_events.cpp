#include "gateway/grip/ws_events.h"

#include <array>
#include <charconv>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

constexpr size_t kMostEvents = 100'000;
constexpr size_t kMostTypeBytes = 32;
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kMediaType = "application/websocket-events";

constexpr std::array<std::pair<std::string_view, WsEventType>, 7> kTypes{{{"OPEN", WsEventType::open},
                                                                          {"TEXT", WsEventType::text},
                                                                          {"BINARY", WsEventType::binary},
                                                                          {"PING", WsEventType::ping},
                                                                          {"PONG", WsEventType::pong},
                                                                          {"CLOSE", WsEventType::close},
                                                                          {"DISCONNECT", WsEventType::disconnect}}};

bool is_type_name(std::string_view name) {
  if (name.empty() || name.size() > kMostTypeBytes) return false;
  for (const char c : name) {
    if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return false;
  }
  return true;
}

std::optional<uint64_t> parse_hex(std::string_view digits) {
  if (digits.empty() || digits.size() > 16) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return error == std::errc() && end == digits.data() + digits.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

void encode_event(WsEventType type, std::string_view content, std::string& out) {
  out += kTypes[static_cast<size_t>(type)].first;
  if (!content.empty()) {
    char digits[17];
    const auto end = std::to_chars(digits, digits + sizeof digits, content.size(), 16).ptr;
    out += ' ';
    out.append(digits, static_cast<size_t>(end - digits)).append(kLineEnd).append(content);
  }
  out += kLineEnd;
}

Result<std::vector<WsHttpEvent>> decode_events(std::string_view body) {
  std::vector<WsHttpEvent> out;
  const size_t whole = body.size();
  const auto bad = [&](const char* what) {
    return invalid("bad WebSocket events at byte " + std::to_string(whole - body.size()) + ": " + what);
  };
  while (!body.empty()) {
    if (out.size() == kMostEvents) return bad("too many events");
    const size_t line_end = body.substr(0, kMostTypeBytes + 20).find(kLineEnd);
    if (line_end == std::string_view::npos) return bad("no line end after the type");
    const std::string_view line = body.substr(0, line_end);
    const size_t blank = line.find(' ');
    const std::string_view name = line.substr(0, blank);
    if (!is_type_name(name)) return bad("no type name");
    std::string_view content;
    std::string_view rest = body.substr(line_end + kLineEnd.size());
    if (blank != std::string_view::npos) {
      const auto size = parse_hex(line.substr(blank + 1));
      if (!size) return bad("no good size");
      if (*size > rest.size()) return bad("content is cut off");
      content = rest.substr(0, static_cast<size_t>(*size));
      rest.remove_prefix(content.size());
      if (!rest.starts_with(kLineEnd)) return bad("no line end after the content");
      rest.remove_prefix(kLineEnd.size());
    }
    for (const auto& [known, type] : kTypes) {
      if (known == name) out.push_back({type, content});
    }
    body = rest;
  }
  return out;
}

std::string encode_close(int code, std::string_view reason) {
  if (code == 0) return {};
  std::string out;
  out += static_cast<char>(code >> 8 & 0xff);
  out += static_cast<char>(code & 0xff);
  return out.append(reason);
}

Result<WsCloseReason> decode_close(std::string_view content) {
  if (content.empty()) return WsCloseReason{};
  if (content.size() == 1) return invalid("a code has two bytes");
  WsCloseReason out;
  out.code = static_cast<unsigned char>(content[0]) << 8 | static_cast<unsigned char>(content[1]);
  out.reason = content.substr(2);
  if (!valid_utf8(out.reason)) return invalid("the reason is not UTF-8");
  return out;
}

bool is_websocket_events(std::string_view content_type) {
  return iequals(trim(content_type.substr(0, content_type.find(';'))), kMediaType);
}

}  // namespace holdfast
