#pragma once

#include <string_view>

namespace holdfast {

enum class SockjsResource {
  none,  // nothing is there
  greeting,
  info,
  iframe,
  xhr,
  xhr_streaming,
  xhr_send,
  jsonp,
  jsonp_send,
  eventsource,
  websocket,
  raw_websocket,  // without SockJS frames
};

// What a path under a SockJS prefix names. `session`: of resources that belong to one; part of the target.
struct SockjsPath {
  SockjsResource resource = SockjsResource::none;
  std::string_view session;
};

// Whether a target's path is the prefix or below it. False for the empty prefix.
bool is_under_sockjs(std::string_view prefix, std::string_view target);
// `target`: one that is under the prefix.
SockjsPath parse_sockjs_path(std::string_view prefix, std::string_view target);

}  // namespace holdfast
