#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gateway/base/text.h"
#include "gateway/message/item_codec.h"
#include "gateway/message/item_json.h"

namespace {

// What the parser lets through must be fit for a head, and a broker must be able to carry it.
void check(const holdfast::Item& item) {
  if (item.channel.empty() || !holdfast::decode(holdfast::encode(item).view(), item.channel)) std::abort();
  if (!item.http_response) return;
  if (!holdfast::is_field_value(item.http_response->reason)) std::abort();
  for (const auto& [name, value] : item.http_response->headers) {
    if (!holdfast::is_token(name) || !holdfast::is_field_value(value)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const holdfast::ItemLimits limits{20, 2000, 50};
  if (const auto items = holdfast::parse_items(json, limits)) {
    for (const auto& item : *items) check(item);
  } else if (!items.error().text.starts_with("Invalid format") && items.error().text != "Body is not valid JSON.") {
    std::abort();
  }
  if (const auto item = holdfast::parse_item(json, limits, "channel")) check(*item);
  return 0;
}
