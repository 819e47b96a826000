#include "control/http/parameters.h"

#include <algorithm>

#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

tl::unexpected<Error> wrong(std::string_view name, std::string_view what) { return invalid(std::string(name) + ": " + std::string(what)); }

Result<std::string> decoded(std::string_view text, bool plus_is_space, std::string_view what) {
  auto out = percent_decode(text, plus_is_space);
  if (!out || !valid_utf8(*out)) return wrong(what, "not well encoded UTF-8");
  return *std::move(out);
}

}  // namespace

Result<std::map<std::string, std::string>> read_query(std::string_view query, const std::vector<std::string_view>& known) {
  std::map<std::string, std::string> out;
  if (query.empty()) return out;
  for (const auto pair : split(query, '&')) {
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const auto name = decoded(pair.substr(0, equals), true, "a parameter's name");
    if (!name) return fail(name.error());
    if (std::find(known.begin(), known.end(), *name) == known.end()) return wrong(name->substr(0, 64), "there is no such parameter");
    auto value = decoded(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true, *name);
    if (!value) return fail(value.error());
    if (!out.emplace(*name, *std::move(value)).second) return wrong(*name, "given twice");
  }
  return out;
}

Result<std::string> read_name(std::string_view segment, std::string_view what) {
  auto out = decoded(segment, false, what);
  if (out && out->empty()) return wrong(what, "empty");
  return out;
}

}  // namespace holdfast::control
