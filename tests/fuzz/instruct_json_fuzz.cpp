#include <cstdint>
#include <string_view>
#include <vector>

#include "gateway/base/text.h"
#include "gateway/grip/instruct.h"
#include "tests/fuzz/check.h"

// An application/grip-instruct body, any bytes.

using namespace holdfast;

namespace {

bool is_line(std::string_view text) { return text.empty() || is_field_value(text); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Headers* const headers = [] {
    auto* out = new Headers;
    out->add("Content-Type", "application/grip-instruct");
    return out;
  }();
  const std::vector<char> exact(data, data + size);  // nothing readable behind it
  const auto instruct = parse_instruct(200, "OK", *headers, std::string_view(exact.data(), exact.size()));
  if (!instruct) {
    check(!instruct.error().text.empty() && is_line(instruct.error().text));
    return 0;
  }
  check(instruct->body.has_value());
  check(instruct->status >= 200 && instruct->status <= 999 && is_line(instruct->reason));
  for (const auto& [name, value] : instruct->headers) {
    check(is_token(name) && is_line(value));
    check(!istarts_with(name, "Grip-") && !iequals(name, "Content-Length") && !iequals(name, "Transfer-Encoding"));
  }
  check(instruct->channels.size() <= 10'000);
  for (const HoldChannel& channel : instruct->channels) {
    check(!channel.name.empty() && is_line(channel.name) && channel.filters.size() <= 5);
    check(is_line(channel.prev_id.value_or("")));
  }
  for (const auto& [name, value] : instruct->meta) check(!name.empty() && is_line(name) && is_line(value));
  check(instruct->timeout >= std::chrono::seconds(5));
  check(!instruct->keep_alive || !instruct->keep_alive->content.empty());
  return 0;
}
