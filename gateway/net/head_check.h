#pragma once

#include <string>

#include "gateway/base/result.h"
#include "gateway/net/http.h"

namespace holdfast {

struct HeadLimits {
  size_t max_bytes = 8192;  // request line and header block
  size_t max_fields = 100;
  size_t max_target = 8192;
};

// Parses and checks one whole request head (ending in the empty line). Beast parses; what it lets through and RFC 9112 forbids is refused
// here: a last coding that is not chunked, any coding in HTTP/1.0, Content-Length with Transfer-Encoding, differing or malformed lengths,
// missing or several Hosts, folded lines, bare CR or LF, controls in values. On failure `status` is what the client is told (400, 414, 431,
// 501, 505).
struct HeadError {
  int status = 400;
  std::string text;
};
tl::expected<std::pair<RequestHead, BodyFraming>, HeadError> parse_request_head(std::string_view bytes, const HeadLimits& limits);

// The same for a response to `method`. 1xx heads are parsed like others (framing none).
Result<std::pair<ResponseHead, BodyFraming>> parse_response_head(std::string_view bytes, std::string_view method, bool& keep_alive);

// Where the head ends in `bytes` (one past the empty line), or npos. `from`: where the last search gave up.
size_t find_head_end(std::string_view bytes, size_t from = 0);

}  // namespace holdfast
