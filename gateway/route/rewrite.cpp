#include <algorithm>

#include "gateway/route/path_template.h"
#include "gateway/route/route.h"
#include "gateway/route/words.h"

namespace holdfast {

namespace {

// What replace_begin stands for: the prefix, or what every path of the template begins with.
std::string_view replaced_part(const Route& route) {
  if (!route.path_template) return route.path_begin;
  const std::string_view text = *route.path_template;
  return text.substr(0, text.find('{'));
}

std::string rewrite_path(const Route& route, std::string_view path) {
  if (route.replace_begin) {
    const std::string_view replaced = replaced_part(route);
    if (!path.starts_with(replaced)) return std::string(path);
    return *route.replace_begin + std::string(path.substr(replaced.size()));
  }
  return std::string(path.substr(std::min<uint64_t>(route.path_remove, path.size())));
}

}  // namespace

std::string rewrite_target(const Route& route, std::string_view target) {
  // "*" of OPTIONS and absolute URIs have no path that begins where these options count from.
  if (!target.starts_with('/')) return std::string(target);
  const std::string_view path = target.substr(0, target.find('?'));
  std::string out = rewrite_path(route, path);
  // A request line without a path is no request line.
  if (!out.starts_with('/')) out.insert(out.begin(), '/');
  out += target.substr(path.size());
  return out;
}

Result<std::string> fill_template(std::string_view text, const RouteMatch& match) {
  std::string out;
  std::string_view missing;
  const bool paired = route::walk_template(
      text, [&](std::string_view piece) { out += piece; },
      [&](std::string_view name) {
        const auto found = std::find_if(match.parameters.begin(), match.parameters.end(), [&](const auto& p) { return p.first == name; });
        if (found != match.parameters.end()) {
          out += found->second;
        } else if (missing.empty()) {
          missing = name;
        }
      });
  if (!paired) return invalid("template " + route::shown(text) + " is malformed: a parameter is written {name}");
  if (!missing.empty()) return invalid("template " + route::shown(text) + ": the path has no parameter {" + std::string(missing) + "}");
  return out;
}

}  // namespace holdfast
