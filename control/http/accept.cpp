#include "control/http/accept.h"

#include "gateway/base/text.h"

namespace holdfast::control {

std::string_view media_type(AnswerType type) { return type == AnswerType::json ? "application/json" : "text/plain"; }

std::optional<AnswerType> choose_answer_type(std::string_view accept) {
  if (trim(accept).empty()) return AnswerType::text;
  std::optional<AnswerType> chosen;
  for (const std::string_view entry : split(accept, ',')) {
    const std::string_view range = trim(entry.substr(0, entry.find(';')));
    if (iequals(range, "text/plain") || iequals(range, "text/*") || range == "*/*") chosen = AnswerType::text;
    if (iequals(range, "application/json") || iequals(range, "application/*")) chosen = AnswerType::json;
  }
  return chosen;
}

}  // namespace holdfast::control
