#pragma once

#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/net/chunked.h"
#include "gateway/net/http.h"

namespace holdfast {

// A final or interim response head, checked. What the client side adds to the general check: HTTP/1.x only, no switch of protocols unless
// `upgrade` was asked for, and no second use of a connection whose HTTP/1.0 peer chunks (RFC 9112 section 6.1).
Result<std::pair<ResponseHead, BodyFraming>> read_response_head(std::string_view bytes, std::string_view method, bool upgrade,
                                                                bool& keep_alive);

// Whether the beginning of a head can still become one; `searched` of it were looked at before. Says no early to what is no HTTP: the
// time-out would say it much later.
bool may_become_head(std::string_view bytes, size_t searched);

// Appends the content of `data` to `content`; returns how much of `data` belongs to the body.
size_t decode_chunks(ChunkedDecoder& decoder, std::string_view data, std::string& content, bool& whole, bool& garbage);

// How long the connection may idle: our time-out, or a little less than what the peer's Keep-Alive header promises. Zero: not at all.
Duration kept_alive_for(const Headers& headers, Duration ours);

}  // namespace holdfast
