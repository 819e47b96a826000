#include "control/http/problem.h"

#include <nlohmann/json.hpp>

#include "control/http/authenticate.h"
#include "gateway/base/headers.h"

namespace holdfast::control {
namespace {

std::string body_of(int status, std::string_view detail) {
  const nlohmann::json json = {{"type", "about:blank"}, {"title", reason_phrase(status)}, {"status", status}, {"detail", detail}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Answer problem(int status, std::string_view detail) {
  return {.status = status, .type = "application/problem+json", .body = body_of(status, detail)};
}

Answer problem(const Error& error) {
  switch (error.kind) {
    case ErrorKind::invalid:
    case ErrorKind::too_large:
      return problem(400, error.text);
    case ErrorKind::denied: {
      Answer answer = problem(403, error.text);
      answer.fields.push_back(insufficient_scope());
      return answer;
    }
    case ErrorKind::exhausted: {
      Answer answer = problem(429, error.text);
      answer.fields.emplace_back("Retry-After", retry_after(error));
      return answer;
    }
    case ErrorKind::not_found:
      return problem(404, error.text);
    case ErrorKind::unavailable:
    case ErrorKind::timeout: {
      Answer answer = problem(503, error.text);
      answer.fields.emplace_back("Retry-After", "1");
      return answer;
    }
    case ErrorKind::internal:
      break;
  }
  return problem(500, error.text);
}

Answer as_problem(Answer answer) {
  std::string_view text = answer.body;
  while (text.ends_with('\n')) text.remove_suffix(1);
  answer.body = body_of(answer.status, text);
  answer.type = "application/problem+json";
  return answer;
}

}  // namespace holdfast::control
