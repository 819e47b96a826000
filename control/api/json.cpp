#include "control/api/json.h"

#include <algorithm>

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

namespace holdfast::control {
namespace {

namespace util = google::protobuf::util;

constexpr size_t kLongestReason = 300;  // it may repeat what was sent

}  // namespace

std::string to_json(const google::protobuf::Message& message) {
  util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string out;
  (void)util::MessageToJsonString(message, &out, options);  // fails for Any alone, which no message of ours holds
  return out;
}

Result<void> from_json(std::string_view json, google::protobuf::Message& out) {
  // The library takes what no other JSON reader does: names without quotes, a comma before the end.
  if (!nlohmann::json::accept(json)) return invalid("Body is not valid JSON.");
  const auto status = util::JsonStringToMessage({json.data(), json.size()}, &out);
  if (status.ok()) return {};
  const auto reason = status.message();
  return invalid("Invalid format: " + std::string(reason.data(), std::min<size_t>(reason.size(), kLongestReason)));
}

}  // namespace holdfast::control
