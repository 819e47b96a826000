#include "gateway/net/websocket_handshake.h"

#include <algorithm>
#include <array>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3
constexpr size_t kKeyBytes = 16;
constexpr size_t kMostProtocols = 16384;  // bytes

bool lists(const Headers& headers, std::string_view name, std::string_view token) {
  for (const auto& [field, value] : headers) {
    if (!iequals(field, name)) continue;
    const auto parts = split(value, ',');
    if (std::any_of(parts.begin(), parts.end(), [&](auto part) { return iequals(trim(part), token); })) return true;
  }
  return false;
}

HandshakeRefusal refusal(int status, std::string text) {
  HandshakeRefusal out;
  out.head.status = status;
  out.head.headers.add("Content-Type", "text/plain");
  out.text = std::move(text);
  return out;
}

bool good_protocols(const Headers& headers) {
  size_t size = 0;
  for (const auto& [name, value] : headers) {
    if (!iequals(name, "Sec-WebSocket-Protocol")) continue;
    size += value.size();
    if (size > kMostProtocols) return false;
    const auto parts = split(value, ',');
    if (!std::all_of(parts.begin(), parts.end(), [](auto part) { return is_token(trim(part)); })) return false;
  }
  return true;
}

bool is_ours(std::string_view name) {
  return iequals(name, "Upgrade") || iequals(name, "Connection") || iequals(name, "Sec-WebSocket-Accept") ||
         iequals(name, "Sec-WebSocket-Extensions") || iequals(name, "Content-Length") || iequals(name, "Transfer-Encoding") ||
         iequals(name, "Keep-Alive");
}

}  // namespace

bool wants_websocket(const RequestHead& head) { return lists(head.headers, "Upgrade", "websocket"); }

std::optional<HandshakeRefusal> judge_handshake(const RequestHead& head, BodyFraming body) {
  if (head.method != "GET" || head.minor_version < 1) return refusal(400, "A WebSocket is opened with GET and HTTP/1.1.");
  if (body.kind != Framing::none) return refusal(400, "The request for a WebSocket has no body.");
  if (!lists(head.headers, "Connection", "upgrade")) return refusal(400, "The request for a WebSocket needs Connection: Upgrade.");
  const auto versions = head.headers.all("Sec-WebSocket-Version");
  if (versions.size() != 1 || versions[0] != "13") {
    auto out = refusal(426, "WebSocket version 13 is spoken here.");
    out.head.headers.add("Sec-WebSocket-Version", "13");
    return out;
  }
  const auto keys = head.headers.all("Sec-WebSocket-Key");
  const auto key = keys.size() == 1 ? base64_decode(keys[0]) : std::nullopt;
  if (!key || key->size() != kKeyBytes) return refusal(400, "The request for a WebSocket needs one Sec-WebSocket-Key of 16 bytes.");
  if (!good_protocols(head.headers)) return refusal(400, "Sec-WebSocket-Protocol is no list of names.");
  return std::nullopt;
}

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key).append(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return base64_encode({reinterpret_cast<const char*>(digest.data()), size});
}

std::string new_websocket_key() {
  std::array<unsigned char, kKeyBytes> random{};
  RAND_bytes(random.data(), random.size());
  return base64_encode({reinterpret_cast<const char*>(random.data()), random.size()});
}

ResponseHead accept_handshake(const RequestHead& request, const Headers& headers, std::string_view extensions) {
  ResponseHead out;
  out.status = 101;
  out.headers.add("Upgrade", "websocket");
  out.headers.add("Connection", "Upgrade");
  out.headers.add("Sec-WebSocket-Accept", websocket_accept(request.headers.get("Sec-WebSocket-Key")));
  if (!extensions.empty()) out.headers.add("Sec-WebSocket-Extensions", extensions);
  for (const auto& [name, value] : headers) {
    if (!is_ours(name)) out.headers.add(name, value);
  }
  return out;
}

bool accepts_handshake(const ResponseHead& head, std::string_view key) {
  const auto accepts = head.headers.all("Sec-WebSocket-Accept");
  return head.status == 101 && accepts.size() == 1 && accepts[0] == websocket_accept(key);
}

}  // namespace holdfast
