#pragma once

#include "gateway/message/item.h"
#include "gateway/message/json_reader.h"

namespace holdfast {

// Reads the formats that are there. False at a fault, which the reader then has.
bool read_formats(JsonReader& reader, const Place& at, const JsonValue& response, const JsonValue& stream, const JsonValue& message,
                  Item& out);

}  // namespace holdfast
