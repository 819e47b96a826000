#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/base/bytes.h"
#include "gateway/base/headers.h"
#include "gateway/base/ws_message_type.h"

namespace holdfast {

// What a format asks for. `send` is the default; which of the others a format knows is decided by its parser.
enum class Action { send, hint, close, refresh };

using Meta = std::map<std::string, std::string>;

struct HttpResponseFormat {
  Action action = Action::send;
  int code = 200;
  std::string reason;  // empty: the standard phrase
  Headers headers;
  Bytes body;
  std::optional<std::string> body_patch;  // JSON text of an RFC 6902 patch; excludes body
  std::vector<std::string> content_filters;
  bool has_content_filters = false;
};

struct HttpStreamFormat {
  Action action = Action::send;
  Bytes content;
  std::vector<std::string> content_filters;
  bool has_content_filters = false;
};

struct WsMessageFormat {
  Action action = Action::send;
  WsMessageType type = WsMessageType::text;
  Bytes content;
  int close_code = 0;  // 0: none given
  std::string close_reason;
  std::vector<std::string> content_filters;
  bool has_content_filters = false;
};

// Where a message came from, for those who look for it: nothing is decided by it.
struct Origin {
  std::string node;         // id of the node that took it; empty: a foreign producer's
  int64_t at = 0;           // when, in microseconds since 1970; 0: not known
  std::string traceparent;  // the trace it belongs to (W3C Trace Context); empty: none
};

// One published message: the same content in up to three shapes. Immutable once parsed; shared by pointer between loops.
struct Item {
  std::string channel;
  std::optional<std::string> id;
  std::optional<std::string> prev_id;
  std::optional<HttpResponseFormat> http_response;
  std::optional<HttpStreamFormat> http_stream;
  std::optional<WsMessageFormat> ws_message;
  Meta meta;
  bool no_seq = false;
  int64_t size = -1;  // what counts against the rate; -1: the content's own size
  Origin origin;
};

}  // namespace holdfast
