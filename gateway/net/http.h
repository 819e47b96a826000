#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/headers.h"

namespace holdfast {

// Heads as they stood on the wire, checked. Shared by the server side (net) and the client side (upstream).
struct RequestHead {
  std::string method;
  std::string target;     // origin-form as sent, byte for byte (absolute-form is reduced to it); "*" for OPTIONS *
  int minor_version = 1;  // HTTP/1.x
  Headers headers;        // as sent: spelling, order, repeats
};

struct ResponseHead {
  int status = 200;
  std::string reason;
  Headers headers;
};

// How a message's body is delimited, as its head says.
enum class Framing : uint8_t { none, length, chunked, until_close };

struct BodyFraming {
  Framing kind = Framing::none;
  uint64_t length = 0;  // for Framing::length
};

}  // namespace holdfast
