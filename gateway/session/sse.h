#pragma once

#include <string>
#include <string_view>

#include "gateway/base/bytes.h"

namespace holdfast {

class Gateway;

// Server-sent events that the gateway writes itself. Data is cut into one `data:` line per line of text (CR, LF and CRLF all end lines), so
// that content cannot smuggle fields in.
Bytes sse_event(std::string_view id, std::string_view data);
// An id without data: clients remember it and dispatch nothing.
Bytes sse_position(std::string_view id);
Bytes sse_gap_event(std::string_view reason, std::string_view id = {});
// A reconnect delay spread by half, so that those who are told together don't come back together.
Bytes sse_retry(Gateway& gateway);

}  // namespace holdfast
