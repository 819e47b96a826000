#include "gateway/session/sockjs/sockjs_paths.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

constexpr std::array<std::pair<std::string_view, SockjsResource>, 7> kOfSessions = {{
    {"xhr", SockjsResource::xhr},
    {"xhr_streaming", SockjsResource::xhr_streaming},
    {"xhr_send", SockjsResource::xhr_send},
    {"jsonp", SockjsResource::jsonp},
    {"jsonp_send", SockjsResource::jsonp_send},
    {"eventsource", SockjsResource::eventsource},
    {"websocket", SockjsResource::websocket},
}};

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view without_slash(std::string_view prefix) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

// Ids have no dots: they could be files.
bool is_id(std::string_view text) { return !text.empty() && text.find('.') == std::string_view::npos; }

// iframe.html, iframe-1.2.3.html: clients ask for the page of their own version.
bool is_iframe(std::string_view text) {
  if (!text.starts_with("iframe") || !text.ends_with(".html") || text.size() < std::string_view("iframe.html").size()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

bool is_under_sockjs(std::string_view prefix, std::string_view target) {
  if (prefix.empty()) return false;
  const auto path = path_of(target);
  const auto begin = without_slash(prefix);
  return path.starts_with(begin) && (path.size() == begin.size() || path[begin.size()] == '/');
}

SockjsPath parse_sockjs_path(std::string_view prefix, std::string_view target) {
  const auto rest = path_of(target).substr(without_slash(prefix).size());
  if (rest.empty() || rest == "/") return {SockjsResource::greeting, {}};
  const auto parts = split(rest.substr(1), '/');
  if (parts.size() == 1) {
    if (parts[0] == "info") return {SockjsResource::info, {}};
    if (parts[0] == "websocket") return {SockjsResource::raw_websocket, {}};
    if (is_iframe(parts[0])) return {SockjsResource::iframe, {}};
    return {};
  }
  if (parts.size() != 3 || !is_id(parts[0]) || !is_id(parts[1])) return {};
  const auto found = std::find_if(kOfSessions.begin(), kOfSessions.end(), [&](const auto& entry) { return entry.first == parts[2]; });
  if (found == kOfSessions.end()) return {};
  return {found->second, parts[1]};
}

}  // namespace holdfast
