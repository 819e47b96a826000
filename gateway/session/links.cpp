#include <algorithm>
#include <optional>

#include "gateway/base/text.h"
#include "gateway/route/host.h"
#include "gateway/session/forward.h"

// Links of backends, resolved as RFC 3986 section 5 says. A link ends up in a request line and a Host header, so what cannot stand there is
// refused before anything else.
namespace holdfast {

namespace {

// A reference cut into its parts; the fragment is the client's business and left out.
struct Reference {
  std::optional<std::string_view> scheme, authority, query;
  std::string_view path;
};

Reference cut(std::string_view text) {
  Reference out;
  text = text.substr(0, text.find('#'));
  const size_t end = text.find_first_of(":/?");
  if (end != std::string_view::npos && text[end] == ':') {
    out.scheme = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    out.authority = text.substr(0, text.find_first_of("/?"));
    text.remove_prefix(out.authority->size());
  }
  const size_t mark = text.find('?');
  out.path = text.substr(0, mark);
  if (mark != std::string_view::npos) out.query = text.substr(mark + 1);
  return out;
}

bool cannot_be_sent(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

// Bytes outside ASCII are written as a browser would write them.
std::string ascii(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

// RFC 3986 5.2.4: "." and ".." are steps, not names. `path` begins with '/'.
std::string without_dots(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (size_t from = 0; from < path.size();) {
    const size_t next = std::min(path.find('/', from + 1), path.size());
    const auto segment = path.substr(from + 1, next - from - 1);
    const bool last = next == path.size();
    if (segment == ".." && !out.empty()) out.resize(out.rfind('/'));
    if (segment != "." && segment != "..") {
      out += '/';
      out += segment;
    } else if (last) {
      out += '/';
    }
    from = next;
  }
  return out;
}

std::string_view path_of(std::string_view path_and_query) {
  const auto path = path_and_query.substr(0, path_and_query.find('?'));
  return path.starts_with('/') ? path : "/";  // "*" of OPTIONS has no path
}

std::string resolve_path(const Reference& link, std::string_view base_path, std::string_view base_path_and_query) {
  std::optional<std::string_view> query = link.query;
  std::string path;
  if (link.authority || link.path.starts_with('/')) {
    path = without_dots(link.path.empty() ? "/" : link.path);
  } else if (link.path.empty()) {
    path = base_path;
    const size_t mark = base_path_and_query.find('?');
    if (!query && mark != std::string_view::npos) query = base_path_and_query.substr(mark + 1);
  } else {
    path = without_dots(std::string(base_path.substr(0, base_path.rfind('/') + 1)) + std::string(link.path));
  }
  if (query) {
    path += '?';
    path += *query;
  }
  return ascii(path);
}

uint64_t port_of(std::string_view host, bool tls) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos) return tls ? 443 : 80;
  return parse_uint(host.substr(colon + 1)).value_or(0);
}

bool same_server(std::string_view a, std::string_view b, bool tls) {
  return port_of(a, tls) == port_of(b, tls) && route::normal_host(a) == route::normal_host(b);
}

Result<bool> tls_of(std::string_view scheme) {
  if (iequals(scheme, "https")) return true;
  if (iequals(scheme, "http")) return false;
  return invalid("its scheme is neither http nor https");
}

Result<void> check_authority(std::string_view authority) {
  if (authority.find('@') != std::string_view::npos) return invalid("it carries user information");
  if (!route::is_authority(authority)) return invalid("its host is malformed");
  return {};
}

}  // namespace

Result<ResolvedLink> resolve_link(bool base_tls, std::string_view base_host, std::string_view base_path_and_query, std::string_view link) {
  if (link.empty()) return invalid("it is empty");
  if (std::any_of(link.begin(), link.end(), cannot_be_sent)) return invalid("it contains blanks or control characters");

  const Reference parts = cut(link);
  ResolvedLink out;
  out.tls = base_tls;
  out.host = base_host;
  if (parts.scheme) {
    const auto tls = tls_of(*parts.scheme);
    if (!tls) return fail(tls.error());
    if (!parts.authority) return invalid("it has a scheme but no host");
    out.tls = *tls;
  }
  if (parts.authority) {
    if (auto sane = check_authority(*parts.authority); !sane) return fail(sane.error());
    out.host = *parts.authority;
    out.internal = out.tls == base_tls && same_server(out.host, base_host, base_tls);
  }
  out.path_and_query = resolve_path(parts, path_of(base_path_and_query), base_path_and_query);
  return out;
}

}  // namespace holdfast
