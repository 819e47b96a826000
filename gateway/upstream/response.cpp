#include "gateway/upstream/response.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/net/head_check.h"

namespace holdfast {

namespace {

constexpr std::string_view kVersion = "HTTP/1.";

}  // namespace

Result<std::pair<ResponseHead, BodyFraming>> read_response_head(std::string_view bytes, std::string_view method, bool upgrade,
                                                                bool& keep_alive) {
  if (!bytes.starts_with(kVersion)) return invalid("not an HTTP/1.1 head");
  auto parsed = parse_response_head(bytes, method, keep_alive);
  if (!parsed) return parsed;
  const int status = parsed->first.status;
  if (status < 100 || status > 999) return invalid("bad status");
  if (status == 101 && !upgrade) return invalid("switches protocols unasked");
  if (parsed->second.kind == Framing::chunked && bytes.starts_with("HTTP/1.0")) keep_alive = false;
  return parsed;
}

bool may_become_head(std::string_view bytes, size_t searched) {
  if (bytes.substr(0, kVersion.size()) != kVersion.substr(0, bytes.size())) return false;
  for (size_t lf = bytes.find('\n', searched); lf != std::string_view::npos; lf = bytes.find('\n', lf + 1)) {
    if (lf == 0 || bytes[lf - 1] != '\r') return false;
  }
  return true;
}

size_t decode_chunks(ChunkedDecoder& decoder, std::string_view data, std::string& content, bool& whole, bool& garbage) {
  size_t used = 0;
  for (;;) {
    const auto step = decoder.next(data.substr(used));
    used += step.consumed;
    if (step.outcome == ChunkedDecoder::Outcome::data) {
      // The usual reads hold one chunk: no more memory than it needs.
      content.append(step.data);
      continue;
    }
    whole = step.outcome == ChunkedDecoder::Outcome::done;
    garbage = step.outcome == ChunkedDecoder::Outcome::error;
    return used;
  }
}

Duration kept_alive_for(const Headers& headers, Duration ours) {
  const std::string* value = headers.find("Keep-Alive");
  if (value == nullptr) return ours;
  for (const auto part : split(*value, ',')) {
    const auto word = trim(part);
    if (!istarts_with(word, "timeout=")) continue;
    const auto seconds = parse_uint(word.substr(8));
    if (!seconds || *seconds > 1'000'000) continue;
    // Less than promised, so that a request does not meet the peer's close on the way.
    const Duration theirs = std::chrono::seconds(*seconds);
    return std::min(ours, std::max(theirs / 2, theirs - std::chrono::seconds(1)));
  }
  return ours;
}

}  // namespace holdfast
