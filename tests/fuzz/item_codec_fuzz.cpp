#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gateway/message/body_patch.h"
#include "gateway/message/item_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto item = holdfast::decode(std::string_view(reinterpret_cast<const char*>(data), size), "channel");
  if (!item) return 0;
  // What was read once is written and read the same.
  const holdfast::Bytes bytes = holdfast::encode(*item);
  const auto again = holdfast::decode(bytes.view(), "channel");
  if (!again || holdfast::encode(*again).view() != bytes.view()) std::abort();
  if (const auto& http = item->http_response; http && http->body_patch) {
    holdfast::apply_body_patch(R"({"a":{"b":[1,"x",null]},"c":{}})", *http->body_patch);
    holdfast::apply_body_patch(http->body.view(), *http->body_patch);
  }
  return 0;
}
