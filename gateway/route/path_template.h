#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast::route {

// A path whose segments may be parameters: "/events/{channel}", "/x/{a}/y/{rest*}". A parameter is a whole segment; "{rest*}" is the last
// one and takes everything that is left, slashes included. Literal segments are compared byte for byte with the encoded path.
class PathTemplate {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  static Result<PathTemplate> parse(std::string_view text);

  // The whole `path` (without query) must match. Parameters are percent-decoded. A parameter that would be empty, is wrongly encoded, or
  // decodes to a control character or to bytes that aren't UTF-8 is no match: it names a channel, and goes to logs and brokers.
  bool match(std::string_view path, Parameters& parameters) const;

  const std::string& literal() const { return literal_; }  // what every matching path begins with
  size_t literal_bytes() const { return literal_bytes_; }  // in all segments
  bool takes_rest() const { return !parts_.empty() && parts_.back().kind == Kind::rest; }
  bool names(std::string_view parameter) const;
  // Equal for templates that match the same paths, whatever their parameters are called.
  std::string shape() const;

 private:
  enum class Kind { literal, parameter, rest };
  struct Part {
    Kind kind;
    std::string text;  // the segment, or the parameter's name
  };
  static Result<Part> parse_segment(std::string_view segment, bool last);

  std::vector<Part> parts_;  // one per segment
  std::string literal_;
  size_t literal_bytes_ = 0;
};

bool is_parameter_name(std::string_view text);

// Calls `on_text` for what stands between placeholders and `on_name` for each "{name}" or "{name*}", in order.
// False when the braces don't pair or a name isn't one.
template <class OnText, class OnName>
bool walk_template(std::string_view text, OnText on_text, OnName on_name) {
  while (!text.empty()) {
    const size_t brace = text.find_first_of("{}");
    on_text(text.substr(0, brace));
    if (brace == std::string_view::npos) return true;
    const size_t close = text.find_first_of("{}", brace + 1);
    if (text[brace] != '{' || close == std::string_view::npos || text[close] != '}') return false;
    std::string_view name = text.substr(brace + 1, close - brace - 1);
    if (name.ends_with('*')) name.remove_suffix(1);
    if (!is_parameter_name(name)) return false;
    on_name(name);
    text.remove_prefix(close + 1);
  }
  return true;
}

}  // namespace holdfast::route
