#pragma once

#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace google::protobuf {
class Message;
}

namespace holdfast::control {

// The JSON mapping of messages: lowerCamelCase, bytes as base64. Written with every field that has a plain type. Reading is strict: a
// member that the message does not have is an error (invalid), which names it. Threads: any.
std::string to_json(const google::protobuf::Message& message);
Result<void> from_json(std::string_view json, google::protobuf::Message& out);

}  // namespace holdfast::control
