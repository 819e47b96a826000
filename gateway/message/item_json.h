#pragma once

#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/message/item.h"

namespace holdfast {

struct ItemLimits {
  size_t max_items = 1000;
  size_t max_item_bytes = 1'000'000;
  size_t max_channel_bytes = 1024;
};

// Reads the body of a publish request, {"items": [...]}, in the shape that GRIP libraries send. Validated whole: one bad item fails all.
// Errors (kind invalid or too_large) carry the exact text that the HTTP door answers, without a final newline:
//   "Body is not valid JSON."  "Invalid format."  "Invalid format: object does not contain 'items'"
//   "Invalid format: object contains 'items' with wrong type"  "Invalid format: items[2]: object does not contain 'channel'" ...
// Text is checked for CR, LF and NUL where it ends up in a head (reason, header names and values).
// Threads: any.
Result<std::vector<Item>> parse_items(std::string_view json, const ItemLimits& limits = {});

// One item on its own (message sockets, tools). `channel` may be empty when the caller knows it from elsewhere.
Result<Item> parse_item(std::string_view json, const ItemLimits& limits = {}, std::string_view channel = {});

}  // namespace holdfast
