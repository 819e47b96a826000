#pragma once

#include <cstddef>
#include <cstdint>

#include "gateway/message/item.h"

namespace holdfast {

// What HTTP and WebSocket allow in an item, for every codec: an item that breaks them would break the connection of each listener.

// Pushpin takes 0 to 999. Below 200 a client would go on waiting for the real answer.
inline bool is_final_status(int64_t code) { return code >= 200 && code <= 999; }

// 0 stands for "no code". The rest is what RFC 6455 and its registry let an endpoint send.
inline bool is_close_code(int64_t code) {
  if (code == 0 || (code >= 3000 && code <= 4999)) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

// A control frame has at most 125 bytes, of which a close code takes two.
inline constexpr size_t kMaxPingBytes = 125;
inline constexpr size_t kMaxCloseReasonBytes = 123;

// Everything in it that a publisher chose, but the channel: what a limit on items is about.
size_t bytes_of(const Item& item);

}  // namespace holdfast
