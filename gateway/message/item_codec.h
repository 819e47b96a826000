#pragma once

#include "gateway/base/bytes.h"
#include "gateway/base/result.h"
#include "gateway/message/item.h"

namespace holdfast {

// The item as the broker carries it: holdfast.broker.v1.Item (protobuf). The channel is not inside: the broker knows it.
// decode() accepts anything that came from a broker and fails with `invalid`; it never throws. Its Bytes fields share no memory with
// the input. Threads: any.
Bytes encode(const Item& item);
Result<Item> decode(std::string_view data, std::string channel);

}  // namespace holdfast
