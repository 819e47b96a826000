#include "gateway/grip/params.h"

#include "gateway/base/text.h"

namespace holdfast {
namespace {

// One pass over a header value.
//
// `first` is taken as it stands: Pushpin keeps the quotes of `Grip-Channel: "a"` as a part of the name, and keep-alive data in cstring
// format must keep its backslashes. In it, quotes and a leading <...> only protect what they enclose; a quote that never ends is an
// ordinary character. The value of a parameter is either a quoted string, with its escapes undone, or everything up to the next border.
class Scanner {
 public:
  Scanner(std::string_view text, bool is_list) : text_(text), is_list_(is_list) {}

  bool done() const { return at_ == text_.size(); }
  void skip_comma() { ++at_; }

  Result<HeaderParams> element() {
    HeaderParams out;
    out.first = take_first();
    while (!done() && text_[at_] == ';') {
      ++at_;
      if (auto taken = take_param(out); !taken) return fail(taken.error());
    }
    return out;
  }

 private:
  bool at_border() const { return done() || text_[at_] == ';' || (is_list_ && text_[at_] == ','); }

  void skip_blanks() {
    while (!done() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  std::string_view take_first() {
    skip_blanks();
    const size_t from = at_;
    skip_brackets();
    while (!at_border()) {
      if (text_[at_] == '"')
        skip_quoted();
      else
        ++at_;
    }
    return trim(text_.substr(from, at_ - from));
  }

  // A URI in angle brackets may hold commas and semicolons.
  void skip_brackets() {
    if (no_bracket_closes_ || done() || text_[at_] != '<') return;
    const size_t close = text_.find('>', at_);
    if (close == std::string_view::npos)
      no_bracket_closes_ = true;
    else
      at_ = close + 1;
  }

  void skip_quoted() {
    ++at_;
    if (no_quote_closes_) return;
    for (size_t i = at_; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '"') {
        at_ = i + 1;
        return;
      }
    }
    // Remembered, so that a value full of escaped quotes is not searched to its end from each of them.
    no_quote_closes_ = true;
  }

  Result<void> take_param(HeaderParams& out) {
    const size_t from = at_;
    while (!at_border() && text_[at_] != '=') ++at_;
    const std::string_view name = trim(text_.substr(from, at_ - from));
    if (at_border()) {
      if (!name.empty()) out.params.emplace_back(to_lower(name), "");  // `a;;b` and `a;` have nothing there
      return {};
    }
    if (name.empty()) return invalid("a parameter has no name");
    ++at_;
    auto value = take_value();
    if (!value) return fail(value.error());
    out.params.emplace_back(to_lower(name), std::move(*value));
    return {};
  }

  Result<std::string> take_value() {
    skip_blanks();
    if (!done() && text_[at_] == '"') return take_quoted();
    const size_t from = at_;
    while (!at_border()) ++at_;
    return std::string(trim(text_.substr(from, at_ - from)));
  }

  Result<std::string> take_quoted() {
    std::string out;
    for (++at_; !done() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
      if (done()) break;
      out += text_[at_];
    }
    if (done()) return invalid("a quoted string does not end");
    ++at_;
    skip_blanks();
    if (!at_border()) return invalid("there is text behind a quoted string");
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool is_list_;
  bool no_quote_closes_ = false;
  bool no_bracket_closes_ = false;
};

}  // namespace

const std::string* HeaderParams::find(std::string_view name) const {
  for (const auto& [key, value] : params)
    if (iequals(key, name)) return &value;
  return nullptr;
}

std::vector<std::string> HeaderParams::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : params)
    if (iequals(key, name)) out.push_back(value);
  return out;
}

Result<std::vector<HeaderParams>> parse_params_list(std::string_view value) {
  std::vector<HeaderParams> out;
  Scanner scanner(value, true);
  while (!scanner.done()) {
    auto element = scanner.element();
    if (!element) return fail(element.error());
    if (!element->first.empty() || !element->params.empty()) out.push_back(std::move(*element));  // HTTP lets lists have empty elements
    if (!scanner.done()) scanner.skip_comma();
  }
  return out;
}

Result<HeaderParams> parse_params(std::string_view value) { return Scanner(value, false).element(); }

}  // namespace holdfast
