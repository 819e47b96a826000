#pragma once

#include <string_view>

#include "gateway/base/result.h"
#include "gateway/base/tnetstring.h"
#include "gateway/message/item.h"
#include "gateway/message/item_json.h"

namespace holdfast {

// An item as message sockets carry it: "J" and a JSON object, "T" and a tagged netstring, or a tagged netstring alone. `channel`: known
// from elsewhere; empty: the item names it. Errors: invalid, too_large. Threads: any.
Result<Item> parse_item_frame(std::string_view frame, const ItemLimits& limits = {}, std::string_view channel = {});

// The tagged form. Its texts are bytes: a body or a stream's content need not be UTF-8, everything else must be.
Result<Item> parse_item_tnet(const Tnet& item, const ItemLimits& limits = {}, std::string_view channel = {});

}  // namespace holdfast
