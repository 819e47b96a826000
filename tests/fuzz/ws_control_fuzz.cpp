#include <cstdint>
#include <string_view>

#include "gateway/base/text.h"
#include "gateway/grip/ws_control.h"
#include "tests/fuzz/check.h"

// A backend's control message and the extension header that allows them, any bytes.

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_grip_extension({text});
  const auto control = parse_ws_control(text);
  if (!control) return 0;
  using Type = WsControl::Type;
  const bool about_channel = control->type == Type::subscribe || control->type == Type::unsubscribe;
  check(about_channel == !control->channel.empty());
  check(control->timeout >= std::chrono::seconds(1) && control->timeout <= std::chrono::hours(7 * 24));
  check(control->type != Type::send_delayed || control->content);
  if (!control->content) return 0;
  const bool is_text = control->message_type == WsMessageType::text, is_binary = control->message_type == WsMessageType::binary;
  check(!is_text || valid_utf8(*control->content));
  check(is_text || is_binary || control->content->size() <= 125);
  return 0;
}
