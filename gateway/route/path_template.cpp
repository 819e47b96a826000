#include "gateway/route/path_template.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/route/checks.h"
#include "gateway/route/words.h"

namespace holdfast::route {

namespace {

bool decode_parameter(std::string_view encoded, std::string& out) {
  auto decoded = percent_decode(encoded, false);
  if (!decoded || decoded->empty() || has_control(*decoded) || !valid_utf8(*decoded)) return false;
  out = *std::move(decoded);
  return true;
}

}  // namespace

bool is_parameter_name(std::string_view text) {
  const auto letter = [](char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_'; };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Result<PathTemplate::Part> PathTemplate::parse_segment(std::string_view segment, bool last) {
  if (segment.find_first_of("{}") == std::string_view::npos) return Part{Kind::literal, std::string(segment)};
  const bool whole = segment.starts_with('{') && segment.find_first_of("{}", 1) == segment.size() - 1 && segment.ends_with('}');
  if (!whole) return invalid("a parameter is a whole segment like /{name}/, not " + shown(segment));
  std::string_view name = segment.substr(1, segment.size() - 2);
  const bool rest = name.ends_with('*');
  if (rest) name.remove_suffix(1);
  if (!is_parameter_name(name)) return invalid(shown(name) + " is no parameter name: use letters, digits and '_'");
  if (rest && !last) return invalid("{" + std::string(name) + "*} takes the rest of the path, so nothing may follow it");
  return Part{rest ? Kind::rest : Kind::parameter, std::string(name)};
}

Result<PathTemplate> PathTemplate::parse(std::string_view text) {
  if (auto sane = check_path(text); !sane) return fail(sane.error());
  PathTemplate out;
  bool literal_so_far = true;
  for (bool last = false; !last;) {
    text.remove_prefix(1);
    const size_t slash = std::min(text.find('/'), text.size());
    last = slash == text.size();
    auto part = parse_segment(text.substr(0, slash), last);
    if (!part) return fail(part.error());
    text.remove_prefix(slash);
    if (part->kind == Kind::literal) {
      out.literal_bytes_ += part->text.size();
    } else if (out.names(part->text)) {
      return invalid("parameter {" + part->text + "} stands twice in the path");
    }
    if (literal_so_far) out.literal_ += '/';
    literal_so_far = literal_so_far && part->kind == Kind::literal;
    if (literal_so_far) out.literal_ += part->text;
    out.parts_.push_back(*std::move(part));
  }
  return out;
}

bool PathTemplate::match(std::string_view path, Parameters& parameters) const {
  parameters.clear();
  if (!path.starts_with(literal_)) return false;
  path.remove_prefix(1);
  for (size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    const bool last = i + 1 == parts_.size();
    const size_t slash = part.kind == Kind::rest ? std::string_view::npos : path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (part.kind != Kind::rest && last != (slash == std::string_view::npos)) return false;
    if (part.kind == Kind::literal) {
      if (segment != part.text) return false;
    } else {
      std::string value;
      if (!decode_parameter(segment, value)) return false;
      parameters.emplace_back(part.text, std::move(value));
    }
    if (!last) path.remove_prefix(slash + 1);
  }
  return true;
}

bool PathTemplate::names(std::string_view parameter) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) { return part.kind != Kind::literal && part.text == parameter; });
}

std::string PathTemplate::shape() const {
  std::string out;
  for (const Part& part : parts_) {
    out += '/';
    // No literal has braces, so shapes can't be mistaken for literals.
    out += part.kind == Kind::literal ? part.text : part.kind == Kind::rest ? "{*}" : "{}";
  }
  return out;
}

}  // namespace holdfast::route
