#include "gateway/session/header_kind.h"

#include <algorithm>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

char fold(char c) { return c == '_' ? '-' : lower(c); }

// `folded` is written as fold() leaves it, and as long as `name`.
bool is(std::string_view name, std::string_view folded) {
  return std::equal(name.begin(), name.end(), folded.begin(), [](char a, char b) { return fold(a) == b; });
}

bool begins(std::string_view name, std::string_view folded) {
  return name.size() >= folded.size() && is(name.substr(0, folded.size()), folded);
}

}  // namespace

// On the way of every header of every request: the length leaves at most two names to compare with.
HeaderKind header_kind(std::string_view name) {
  using enum HeaderKind;
  switch (name.size()) {
    case 2:
      if (is(name, "te")) return hop;
      break;
    case 4:
      if (is(name, "host")) return host;
      break;
    case 6:
      if (is(name, "expect")) return request_hop;
      break;
    case 7:
      if (is(name, "trailer") || is(name, "upgrade")) return hop;
      break;
    case 8:
      if (is(name, "cdn-loop")) return cdn_loop;
      break;
    case 10:
      if (is(name, "connection") || is(name, "keep-alive")) return hop;
      break;
    case 13:
      if (is(name, "pushpin-route")) return route;
      break;
    case 14:
      if (is(name, "content-length")) return hop;
      break;
    case 15:
      if (is(name, "x-forwarded-for")) return forwarded_for;
      if (is(name, "accept-encoding")) return request_hop;
      break;
    case 16:
      if (is(name, "content-encoding")) return request_hop;
      if (is(name, "proxy-connection")) return hop;
      break;
    case 17:
      if (is(name, "transfer-encoding")) return hop;
      if (is(name, "x-forwarded-proto")) return forwarded_proto;
      break;
    case 20:
      if (is(name, "x-forwarded-protocol")) return forwarded_proto;
      break;
    default:
      break;
  }
  if (begins(name, "grip-")) return grip;
  if (begins(name, kMark)) return marked;
  return other;
}

bool same_header(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return fold(x) == fold(y); });
}

}  // namespace holdfast
