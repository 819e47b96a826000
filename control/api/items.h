#pragma once

#include <string>

#include "gateway/base/result.h"
#include "gateway/message/item.h"
#include "gateway/message/item_json.h"
#include "holdfast/control/v1/control.pb.h"

namespace holdfast::control {

// The item that a message asks to publish, held to the rules that parse_items (gateway/message/item_json.h) holds JSON to. Errors (invalid,
// too_large) have its words, with the message's names: "Invalid format: items[2].http_stream: ...". `index`: its place in the request.
// Threads: any.
Result<Item> to_item(v1::Item&& in, size_t index, const ItemLimits& limits);

// For a reader. What is not UTF-8 where the message wants text (a binary door, another producer) gets replacement characters.
void to_message(const Item& item, v1::Item& out);

}  // namespace holdfast::control
