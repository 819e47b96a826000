#pragma once

#include <string>

#include "gateway/base/clock.h"
#include "gateway/base/options.h"
#include "gateway/net/permessage_deflate.h"
#include "gateway/net/websocket.h"

namespace holdfast {

// Options of WebSockets, section "websocket".
struct WsOptions {
  WsLimits limits;                     // of what clients send
  DeflateOptions compression;          // towards clients
  uint64_t over_http_buffer = 200000;  // a client is read no further while so much waits for its backend's answer
  uint64_t over_http_reply = 1000000;  // largest answer of a WebSocket-over-HTTP backend
  Duration close_timeout{10000};       // for the other side's Close
  std::string sockjs_url = "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js";  // of the client library, for its iframe page
};
void declare(OptionSet& set, WsOptions& options);

}  // namespace holdfast
