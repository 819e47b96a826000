#include "control/http/handler.h"

#include "gateway/base/headers.h"

namespace holdfast::control {

std::string render(const Answer& answer, bool with_body, bool close) {
  std::string out;
  out.reserve(256 + answer.body.size());
  out.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(" ").append(reason_phrase(answer.status));
  out.append("\r\nContent-Type: ").append(answer.type);
  out.append("\r\nContent-Length: ").append(std::to_string(answer.body.size()));
  for (const auto& [name, value] : answer.fields) out.append("\r\n").append(name).append(": ").append(value);
  if (close) out.append("\r\nConnection: close");
  out.append("\r\n\r\n");
  if (with_body) out.append(answer.body);
  return out;
}

}  // namespace holdfast::control
