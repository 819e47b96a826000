#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/bytes.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/message/item.h"

namespace holdfast {

enum class HoldMode { none, response, stream };
enum class KeepAliveMode { idle, interval };

struct HoldChannel {
  std::string name;
  std::optional<std::string> prev_id;
  std::vector<std::string> filters;
};

struct KeepAlive {
  std::string content;               // never empty
  std::chrono::seconds timeout{55};  // at least 1
  KeepAliveMode mode = KeepAliveMode::idle;
};

struct NextLink {
  std::string uri;                    // as given: relative ones are resolved against the current URI
  std::chrono::seconds timeout{120};  // at least 1
};

// What a backend asked for with a reply.
struct Instruct {
  HoldMode hold = HoldMode::none;
  std::vector<HoldChannel> channels;
  std::chrono::seconds timeout{55};  // response holds; at least 5
  std::optional<KeepAlive> keep_alive;
  std::vector<std::pair<std::string, std::string>> meta;  // Grip-Set-Meta
  std::optional<NextLink> next;
  std::optional<std::string> gone;
  std::vector<std::string> expose_headers;
  bool has_expose_headers = false;
  std::vector<std::pair<std::string, std::string>> last_ids;  // Grip-Last: channel, id

  // What the client is sent: now (stream, none) or at the time-out (response). Grip-* are gone, Grip-Status and expose-headers applied.
  int status = 200;
  std::string reason;
  Headers headers;
  // From an application/grip-instruct body; absent when the reply's own body is the content.
  std::optional<Bytes> body;
};

// Whether a reply carries instructions: any header begins with Grip-, or its media type is application/grip-instruct.
bool has_instruct(const Headers& headers);
bool is_instruct_body(const Headers& headers);

// From the reply's head, and its whole body when is_instruct_body(). Errors: `invalid` with the reason for the debug page, e.g.
// "Grip-Hold must be set to either 'response' or 'stream'". At most 10'000 channels and five filters a channel.
Result<Instruct> parse_instruct(int status, std::string_view reason, const Headers& headers, std::optional<std::string_view> body);

// cstring escapes of Grip-Keep-Alive: \\ \r \n \xHH.
Result<std::string> decode_cstring(std::string_view text);

// The value of Grip-Feature and of one Grip-Last header; the latter is "" if the channel or the id cannot stand in a header.
std::string_view grip_features();
std::string format_grip_last(std::string_view channel, std::string_view id);

}  // namespace holdfast
