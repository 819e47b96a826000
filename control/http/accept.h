#pragma once

#include <optional>
#include <string_view>

namespace holdfast::control {

enum class AnswerType { text, json };
std::string_view media_type(AnswerType type);

// Which of the two forms an Accept field asks for; nullopt: neither (406). As Pushpin does, the last acceptable entry wins and q-values are
// ignored, so that answers stay what existing publishers have seen. An empty field asks for nothing in particular: text.
std::optional<AnswerType> choose_answer_type(std::string_view accept);

}  // namespace holdfast::control
