#include "gateway/message/directives.h"

#include <algorithm>
#include <optional>

namespace holdfast {
namespace {

struct Directive {
  std::string argument;
  char letter = 0;
  size_t length = 0;
};

// The directive that begins with the percent sign at the front of `text`; nullopt if the end cuts it off.
std::optional<Directive> read_directive(std::string_view text) {
  Directive out;
  size_t at = 1;
  if (at < text.size() && text[at] == '(') {
    for (++at; at < text.size() && text[at] != ')'; ++at) {
      if (text[at] == '\\' && ++at == text.size()) return std::nullopt;
      out.argument += text[at];
    }
    ++at;
  }
  if (at >= text.size()) return std::nullopt;
  out.letter = text[at];
  out.length = at + 1;
  return out;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

Result<Expansion> expand(std::string_view text, const Resolve& resolve) {
  Expansion out;
  while (out.used < text.size()) {
    const size_t percent = std::min(text.find('%', out.used), text.size());
    out.text += text.substr(out.used, percent - out.used);
    out.used = percent;
    if (percent == text.size()) break;
    const auto directive = read_directive(text.substr(percent));
    if (!directive) break;
    if (directive->length == 2 && directive->letter == '%') {
      out.text += '%';
    } else {
      if (!is_letter(directive->letter)) return invalid("unknown directive");
      auto value = resolve(directive->letter, directive->argument);
      if (!value) return fail(std::move(value.error()));
      out.text += *value;
    }
    out.used += directive->length;
  }
  return out;
}

Result<std::string> expand_all(std::string_view text, const Resolve& resolve) {
  auto out = expand(text, resolve);
  if (!out) return fail(std::move(out.error()));
  if (out->used < text.size()) return invalid("a directive is cut off by the end");
  return std::move(out->text);
}

}  // namespace holdfast
