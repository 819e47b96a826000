#include "gateway/grip/instruct.h"

#include <algorithm>
#include <unordered_map>

#include "gateway/base/text.h"
#include "gateway/grip/instruct_parts.h"

namespace holdfast {
namespace instruct {

bool is_grip(std::string_view name) { return istarts_with(name, "Grip-"); }

bool is_hop(std::string_view name) {
  for (std::string_view hop : {"Content-Length", "Connection", "Keep-Alive", "Content-Encoding", "Transfer-Encoding"})
    if (iequals(name, hop)) return true;
  return false;
}

bool is_line(std::string_view text) { return text.empty() || (is_field_value(text) && valid_utf8(text)); }

std::optional<std::string> fault_of(const HoldChannel& channel) {
  if (channel.name.empty()) return "has no name";
  if (!is_line(channel.name)) return "has a name with control characters or bad UTF-8";
  if (channel.prev_id && !is_line(*channel.prev_id)) return "has a prev-id with control characters or bad UTF-8";
  if (channel.filters.size() > kMaxFilters) return "has more than " + std::to_string(kMaxFilters) + " filters";
  for (const std::string& filter : channel.filters)
    if (!is_line(filter)) return "has a filter with control characters or bad UTF-8";
  return std::nullopt;
}

std::string shown(std::string_view value) {
  constexpr size_t kLongest = 64;
  std::string out = "'";
  for (char c : value.substr(0, kLongest)) out += c >= ' ' && c <= '~' ? c : '?';
  if (value.size() > kLongest) out += "...";
  return out + "'";
}

}  // namespace instruct

namespace {

// Leaves the last entry of each name, at the place of the first: Pushpin keeps channels and meta by name.
template <class Entry, class Name>
void keep_last(std::vector<Entry>& entries, Name name) {
  std::unordered_map<std::string, size_t> places;
  std::vector<Entry> out;
  for (Entry& entry : entries) {
    const auto [place, is_new] = places.emplace(name(entry), out.size());
    if (is_new)
      out.push_back(std::move(entry));
    else
      out[place->second] = std::move(entry);
  }
  entries = std::move(out);
}

void keep_exposed(Instruct& out) {
  out.headers.remove_if([&](const Headers::Field& field) {
    return std::none_of(out.expose_headers.begin(), out.expose_headers.end(),
                        [&](const std::string& name) { return iequals(name, field.first); });
  });
}

std::optional<char> hex_byte(std::string_view digits) {
  if (digits.size() < 2) return std::nullopt;
  int value = 0;
  for (char digit : digits.substr(0, 2)) {
    const char c = lower(digit);
    if (c >= '0' && c <= '9')
      value = value * 16 + (c - '0');
    else if (c >= 'a' && c <= 'f')
      value = value * 16 + (c - 'a' + 10);
    else
      return std::nullopt;
  }
  return static_cast<char>(value);
}

}  // namespace

bool has_instruct(const Headers& headers) {
  for (const auto& [name, value] : headers)
    if (instruct::is_grip(name)) return true;
  return is_instruct_body(headers);
}

bool is_instruct_body(const Headers& headers) {
  const std::string_view type = headers.get("Content-Type");
  return iequals(trim(type.substr(0, type.find(';'))), "application/grip-instruct");
}

Result<Instruct> parse_instruct(int status, std::string_view reason, const Headers& headers, std::optional<std::string_view> body) {
  Instruct out;
  out.status = status;
  out.reason = reason;
  for (const auto& [name, value] : headers)
    if (!instruct::is_grip(name) && !instruct::is_hop(name)) out.headers.add(name, value);
  if (auto read = instruct::read_headers(headers, out); !read) return fail(read.error());

  if (is_instruct_body(headers)) {
    if (status != 200) return invalid("a reply with an application/grip-instruct body must have the status 200");
    if (!body) return invalid("the application/grip-instruct body is missing");
    out.headers.clear();
    if (auto read = instruct::read_body(*body, out); !read) return fail(read.error());
  } else if (out.has_expose_headers) {
    keep_exposed(out);
  }

  keep_last(out.channels, [](const HoldChannel& channel) { return channel.name; });
  keep_last(out.meta, [](const auto& entry) { return entry.first; });
  if (out.reason.empty()) out.reason = reason_phrase(out.status);
  out.timeout = std::max(out.timeout, instruct::kMinTimeout);
  if (out.keep_alive) out.keep_alive->timeout = std::max(out.keep_alive->timeout, instruct::kMinKeepAlive);
  return out;
}

Result<std::string> decode_cstring(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return invalid("a backslash stands at the end");
    if (text[i] == '\\') out += '\\';
    if (text[i] == 'r') out += '\r';
    if (text[i] == 'n') out += '\n';
    if (text[i] == 'x') {
      const auto byte = hex_byte(text.substr(i + 1));
      if (!byte) return invalid("\\x is not followed by two hex digits");
      out += *byte;
      i += 2;
    }  // other escapes yield nothing, as in Pushpin
  }
  return out;
}

std::string_view grip_features() {
  // `session` is listed because applications look for it, as Pushpin lists it.
  return "status, session, link:next, link:gone, filter:skip-self, filter:skip-users, filter:require-sub, filter:build-id, "
         "filter:var-subst";
}

std::string format_grip_last(std::string_view channel, std::string_view id) {
  const auto is_text = [](std::string_view text) { return text.empty() || is_field_value(text); };
  // An id comes from a publisher, and nothing of it may begin a header of its own.
  if (!is_text(channel) || !is_text(id)) return "";
  std::string out = std::string(channel) + "; last-id=";
  if (id.find_first_of(";,\"\\") == std::string_view::npos && trim(id) == id) return out.append(id);
  out += '"';
  for (char c : id) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace holdfast
