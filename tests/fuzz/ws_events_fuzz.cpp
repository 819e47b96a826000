#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/grip/ws_events.h"
#include "tests/fuzz/check.h"

// The body of a backend's answer in WebSocket-over-HTTP, any bytes.

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  (void)is_websocket_events(body);
  if (const auto close = decode_close(body); close && close->code != 0) check(encode_close(close->code, close->reason) == body);
  const auto events = decode_events(body);
  if (!events) return 0;
  // What was read can be written, and reads the same again.
  std::string written;
  for (const auto& event : *events) {
    check(event.content.empty() ||
          (event.content.data() >= body.data() && event.content.data() + event.content.size() <= body.data() + size));
    encode_event(event.type, event.content, written);
  }
  const auto again = decode_events(written);
  check(again && again->size() == events->size());
  for (size_t i = 0; i < again->size(); ++i) check((*again)[i].type == (*events)[i].type && (*again)[i].content == (*events)[i].content);
  return 0;
}
