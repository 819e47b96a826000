#include "gateway/session/sse.h"

#include "gateway/session/gateway.h"

namespace holdfast {

Bytes sse_event(std::string_view id, std::string_view data) {
  std::string out;
  out.reserve(id.size() + data.size() + 32);
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  size_t start = 0;
  for (;;) {
    const size_t end = data.find_first_of("\r\n", start);
    out.append("data: ").append(data.substr(start, end == std::string_view::npos ? end : end - start)).append("\n");
    if (end == std::string_view::npos) break;
    start = end + (data.substr(end, 2) == "\r\n" ? 2 : 1);
    if (start == data.size()) break;  // a final line end adds no empty line
  }
  out.append("\n");
  return Bytes(std::move(out));
}

Bytes sse_position(std::string_view id) { return Bytes("id: " + std::string(id) + "\n\n"); }

Bytes sse_gap_event(std::string_view reason, std::string_view id) {
  std::string out;
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  out.append("event: gap\ndata: {\"reason\":\"").append(reason).append("\"}\n\n");
  return Bytes(std::move(out));
}

Bytes sse_retry(Gateway& gateway) {
  const Duration middle = gateway.holds().sse_retry;
  return Bytes("retry: " + std::to_string((middle / 2 + gateway.jitter(middle)).count()) + "\n\n");
}

}  // namespace holdfast
