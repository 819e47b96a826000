#include "control/http/control_door.h"

#include "control/http/accept.h"
#include "control/http/authenticate.h"
#include "control/http/problem.h"
#include "control/refusal.h"

namespace holdfast::control {
namespace {

Answer text_answer(int status, std::string text) { return {.status = status, .body = std::move(text) + "\n"}; }

Answer done(AnswerType type, std::string_view word) {
  Answer answer{.type = std::string(media_type(type))};
  answer.body = type == AnswerType::json ? "{\"message\":\"" + std::string(word) + "\"}\n" : std::string(word) + "\n";
  return answer;
}

Answer body_error(const Error& error) {
  switch (error.kind) {
    case ErrorKind::timeout:
      return text_answer(408, error.text);
    case ErrorKind::invalid:
    case ErrorKind::too_large:
      return text_answer(400, error.text);
    default:
      return text_answer(503, error.text);
  }
}

Answer refusal(const Error& error) {
  if (error.kind == ErrorKind::exhausted) {
    Answer answer = text_answer(429, error.text);
    answer.fields.emplace_back("Retry-After", retry_after(error));
    return answer;
  }
  const bool retry = error.kind == ErrorKind::unavailable;
  Answer answer = text_answer(retry ? 503 : error.kind == ErrorKind::denied ? 403 : 400, error.text);
  if (retry) answer.fields.emplace_back("Retry-After", "1");
  if (answer.status == 403) answer.fields.push_back(insufficient_scope());
  return answer;
}

std::optional<Answer> wrong_method(const Request& request) {
  if (request.method == "POST") return std::nullopt;
  Answer answer = text_answer(405, "Method not allowed: " + std::string(request.method) + ".");
  answer.fields.emplace_back("Allow", "POST");
  return answer;
}

// The request's key stands for each of its items: a repeat of the whole publishes those that were not.
std::vector<std::string> keys_of(std::string_view key, size_t count) {
  std::vector<std::string> keys;
  for (size_t i = 0; !key.empty() && i < count; ++i) keys.push_back(std::string(key) + "#" + std::to_string(i));
  return keys;
}

Answer not_acceptable() { return text_answer(406, "Not Acceptable. Supported formats: text/plain, application/json."); }

}  // namespace

Answer ControlDoor::answer(const Request& request) {
  const auto found = authenticate(request, authenticator_, "http");
  if (!found) return found.error();
  const Caller& caller = *found;
  if (request.path == "/publish/" || request.path == "/publish") return publish(request, caller);
  if (request.path == "/recover" || request.path == "/recover/") return recover(request, caller);
  if (request.path.starts_with(kOperations)) return operations_.answer(request, caller);
  if (request.path == "/") return text_answer(200, "Holdfast API");
  return text_answer(404, "Not Found");
}

Answer ControlDoor::publish(const Request& request, const Caller& caller) {
  if (auto wrong = wrong_method(request)) return *std::move(wrong);
  const auto type = choose_answer_type(request.accept);
  if (!type) return not_acceptable();

  const auto body = request.body.read(max_body_);
  if (!body) return body_error(body.error());
  auto items = parse_items(*body, limits_);
  if (!items) return text_answer(400, items.error().text);

  for (auto& item : *items) item.origin.traceparent = request.traceparent;
  const auto keys = keys_of(request.idempotency_key, items->size());
  const auto receipts = service_.publish(caller, *std::move(items), keys);
  if (const auto refused = refusal_of(receipts)) return refusal(refused->error);
  return done(*type, "Published");
}

Answer ControlDoor::recover(const Request& request, const Caller& caller) {
  if (auto wrong = wrong_method(request)) return *std::move(wrong);
  const auto type = choose_answer_type(request.accept);
  if (!type) return not_acceptable();
  if (const auto told = service_.recover(caller); !told) {
    Answer answer = text_answer(403, told.error().text);
    answer.fields.push_back(insufficient_scope());
    return answer;
  }
  return done(*type, "Updated");
}

}  // namespace holdfast::control
