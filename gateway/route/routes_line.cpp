#include "gateway/route/routes_line.h"

#include "gateway/route/checks.h"

namespace holdfast::route {

namespace {

// Blanks part sections, commas part words; '#' ends the line wherever it isn't quoted.
class LineCutter {
 public:
  explicit LineCutter(std::string_view line) : rest_(line) {}

  bool at_end() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
    return rest_.empty() || rest_.front() == '#';
  }

  Result<LineSection> section(bool is_condition) {
    LineSection out;
    auto first = word();
    if (!first) return fail(first.error());
    // "id=news HOST:PORT" leaves out the domain together with its comma.
    if (is_condition && first->find('=') != std::string::npos) {
      if (auto added = add_option(out, *first); !added) return fail(added.error());
    } else {
      out.value = *std::move(first);
    }
    while (!rest_.empty() && rest_.front() == ',') {
      rest_.remove_prefix(1);
      auto option = word();
      if (!option) return fail(option.error());
      if (auto added = add_option(out, *option); !added) return fail(added.error());
    }
    return out;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }

  static Result<void> add_option(LineSection& section, const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (name.empty()) return invalid("an option is expected after each ','");
    std::optional<std::string> value;
    if (equals != std::string::npos) value = text.substr(equals + 1);
    section.options.emplace_back(name, std::move(value));
    return {};
  }

  // Quotes may begin and end anywhere in a word: header="X: a b".
  Result<std::string> word() {
    std::string out;
    while (!rest_.empty() && !is_blank(rest_.front()) && rest_.front() != ',' && rest_.front() != '#') {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c != '"') {
        out += c;
      } else if (auto ended = quoted_part(out); !ended) {
        return fail(ended.error());
      }
    }
    if (auto sane = check_text(out); !sane) return invalid("the line " + sane.error().text);
    return out;
  }

  Result<void> quoted_part(std::string& out) {
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return {};
      if (c == '\\') {
        if (rest_.empty()) break;
        c = rest_.front();
        rest_.remove_prefix(1);
        if (c != '"' && c != '\\') return invalid("inside quotes, '\\' stands only before '\"' and '\\'");
      }
      out += c;
    }
    return invalid("a quote is not closed");
  }

  std::string_view rest_;
};

}  // namespace

Result<std::vector<LineSection>> cut_line(std::string_view line) {
  std::vector<LineSection> out;
  LineCutter cutter(line);
  while (!cutter.at_end()) {
    auto section = cutter.section(out.empty());
    if (!section) return fail(section.error());
    out.push_back(*std::move(section));
  }
  return out;
}

}  // namespace holdfast::route
