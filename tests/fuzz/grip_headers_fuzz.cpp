#include <cstdint>
#include <string_view>

#include "gateway/base/text.h"
#include "gateway/grip/instruct.h"
#include "gateway/grip/params.h"
#include "tests/fuzz/check.h"

// The head of a backend's reply: lines `Name: value`, any bytes.

using namespace holdfast;

namespace {

Headers read_lines(std::string_view text) {
  Headers out;
  for (std::string_view line : split(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    out.add(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  return out;
}

void check_instruct(const Instruct& instruct) {
  for (const auto& [name, value] : instruct.headers) check(!istarts_with(name, "Grip-") && !iequals(name, "Content-Length"));
  check(instruct.channels.size() <= 10'000);
  for (const HoldChannel& channel : instruct.channels) {
    check(!channel.name.empty() && valid_utf8(channel.name) && channel.filters.size() <= 5);
    // What is sent back as Grip-Last reads back as it was, unless the name itself has quotes or brackets in it.
    const std::string last = format_grip_last(channel.name, channel.prev_id.value_or(""));
    check(is_field_value(last));
    if (channel.name.find_first_of("\"<,;") != std::string::npos) continue;
    const auto parsed = parse_params_list(last);
    check(parsed && parsed->size() == 1 && parsed->front().first == channel.name);
    check(*parsed->front().find("last-id") == channel.prev_id.value_or(""));
  }
  check(instruct.timeout >= std::chrono::seconds(5));
  check(!instruct.keep_alive || (!instruct.keep_alive->content.empty() && instruct.keep_alive->timeout >= std::chrono::seconds(1)));
  check(!instruct.next || instruct.next->uri.find_first_of(" \t\r\n") == std::string::npos);
  for (const auto& [channel, id] : instruct.last_ids) check(is_field_value(channel) && (id.empty() || is_field_value(id)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_params(text);
  (void)parse_params_list(text);
  (void)decode_cstring(text);
  const Headers headers = read_lines(text);
  (void)has_instruct(headers);
  if (const auto instruct = parse_instruct(200, "OK", headers, "{}")) check_instruct(*instruct);
  return 0;
}
