#include <algorithm>
#include <array>
#include <iterator>

#include "gateway/base/text.h"
#include "gateway/grip/instruct_parts.h"
#include "gateway/grip/params.h"

namespace holdfast::instruct {
namespace {

tl::unexpected<Error> bad(std::string_view header, std::string_view fault) {
  return invalid(std::string(header) + " " + std::string(fault));
}

// All values of a header that is a list; "it may be repeated" and "it may have commas" mean the same.
Result<std::vector<HeaderParams>> list(const Headers& headers, std::string_view header) {
  std::vector<HeaderParams> out;
  for (std::string_view value : headers.all(header)) {
    auto elements = parse_params_list(value);
    if (!elements) return bad(header, "cannot be parsed: " + elements.error().text);
    std::move(elements->begin(), elements->end(), std::back_inserter(out));
  }
  return out;
}

Result<std::chrono::seconds> seconds(std::string_view text, std::string_view what) {
  const auto value = parse_uint(trim(text));
  if (!value || *value > kMaxSeconds) return bad(what, "must be a whole number of seconds, not " + shown(text));
  return std::chrono::seconds(*value);
}

Result<void> read_hold(const Headers& headers, Instruct& out) {
  const std::string* value = headers.find("Grip-Hold");
  if (!value) return {};
  if (*value == "response")
    out.hold = HoldMode::response;
  else if (*value == "stream")
    out.hold = HoldMode::stream;
  else
    return invalid("Grip-Hold must be set to either 'response' or 'stream'");
  return {};
}

Result<void> read_channels(const Headers& headers, Instruct& out) {
  auto elements = list(headers, "Grip-Channel");
  if (!elements) return fail(elements.error());
  if (elements->size() > kMaxChannels) return bad("Grip-Channel", "names more than " + std::to_string(kMaxChannels) + " channels");
  for (HeaderParams& element : *elements) {
    HoldChannel channel;
    channel.filters = element.all("filter");
    if (const std::string* prev_id = element.find("prev-id")) channel.prev_id = *prev_id;
    channel.name = std::move(element.first);
    if (auto fault = fault_of(channel)) return bad("Grip-Channel", shown(channel.name) + " " + *fault);
    out.channels.push_back(std::move(channel));
  }
  return {};
}

Result<void> read_timeout(const Headers& headers, Instruct& out) {
  const std::string* value = headers.find("Grip-Timeout");
  if (!value) return {};
  auto timeout = seconds(*value, "Grip-Timeout");
  if (!timeout) return fail(timeout.error());
  out.timeout = *timeout;
  return {};
}

// The length of the text tells how much padding belongs to it, and Pushpin takes it without.
Result<std::string> decode_base64(std::string text) {
  while (text.size() % 4 != 0) text += '=';
  auto decoded = base64_decode(text);
  if (!decoded) return invalid("it is not base64");
  return std::move(*decoded);
}

Result<std::string> keep_alive_content(const HeaderParams& params) {
  if (params.first.empty()) return bad("Grip-Keep-Alive", "has no data");
  const std::string* format = params.find("format");
  if (!format || format->empty() || *format == "raw") return params.first;
  Result<std::string> content;
  if (*format == "cstring")
    content = decode_cstring(params.first);
  else if (*format == "base64")
    content = decode_base64(params.first);
  else
    return bad("Grip-Keep-Alive", "has the unknown format " + shown(*format));
  if (!content) return bad("Grip-Keep-Alive", "does not fit its format " + *format + ": " + content.error().text);
  if (content->empty()) return bad("Grip-Keep-Alive", "has no data");
  return content;
}

Result<void> read_keep_alive(const Headers& headers, Instruct& out) {
  const std::string* value = headers.find("Grip-Keep-Alive");
  if (!value) return {};
  const auto params = parse_params(*value);
  if (!params) return bad("Grip-Keep-Alive", "cannot be parsed: " + params.error().text);

  KeepAlive keep_alive;
  auto content = keep_alive_content(*params);
  if (!content) return fail(content.error());
  keep_alive.content = std::move(*content);
  if (const std::string* text = params->find("timeout")) {
    auto timeout = seconds(*text, "the timeout of Grip-Keep-Alive");
    if (!timeout) return fail(timeout.error());
    keep_alive.timeout = *timeout;
  }
  if (const std::string* mode = params->find("mode")) {
    if (*mode == "interval")
      keep_alive.mode = KeepAliveMode::interval;
    else if (!mode->empty() && *mode != "idle")
      return bad("Grip-Keep-Alive", "has the unknown mode " + shown(*mode));
  }
  out.keep_alive = std::move(keep_alive);
  return {};
}

Result<void> read_meta(const Headers& headers, Instruct& out) {
  auto elements = list(headers, "Grip-Set-Meta");
  if (!elements) return fail(elements.error());
  for (const HeaderParams& element : *elements) {
    // The element itself is a parameter, NAME=VALUE or NAME="VALUE".
    auto pair = parse_params(";" + element.first);
    if (!pair) return bad("Grip-Set-Meta", "cannot be parsed: " + pair.error().text);
    const std::string_view name = trim(std::string_view(element.first).substr(0, element.first.find('=')));
    if (pair->params.size() != 1 || name.empty()) return bad("Grip-Set-Meta", "must be NAME=VALUE, not " + shown(element.first));
    std::string& value = pair->params.front().second;
    if (!is_line(name) || !is_line(value)) return bad("Grip-Set-Meta", "has control characters or bad UTF-8");
    out.meta.emplace_back(name, std::move(value));  // the name as given: parameters are in lower case
  }
  return {};
}

// It becomes a request target, where a blank would end it.
bool is_uri(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    return c <= ' ' || c >= '\x7f' || std::string_view("<>\"\\^`{|}").find(c) != std::string_view::npos;
  });
}

Result<NextLink> next_link(const HeaderParams& params, std::string_view uri) {
  NextLink next{.uri = std::string(uri)};
  if (const std::string* text = params.find("timeout")) {
    auto timeout = seconds(*text, "the timeout of Grip-Link");
    if (!timeout) return fail(timeout.error());
    next.timeout = std::max(*timeout, std::chrono::seconds(1));  // with 0 the link would be asked again and again without a pause
  }
  return next;
}

Result<void> read_links(const Headers& headers, Instruct& out) {
  auto elements = list(headers, "Grip-Link");
  if (!elements) return fail(elements.error());
  for (const HeaderParams& element : *elements) {
    if (element.params.empty()) continue;  // nobody knows what it is for
    std::string_view uri = element.first;
    if (uri.size() < 2 || uri.front() != '<' || uri.back() != '>') return bad("Grip-Link", "must be <URI>; rel=..., not " + shown(uri));
    uri = uri.substr(1, uri.size() - 2);
    if (!is_uri(uri)) return bad("Grip-Link", "has the bad URI " + shown(uri));
    const std::string* rel = element.find("rel");
    if (rel && *rel == "gone") out.gone = uri;
    if (!rel || *rel != "next") continue;
    auto next = next_link(element, uri);
    if (!next) return fail(next.error());
    out.next = std::move(*next);
  }
  return {};
}

Result<void> read_last_ids(const Headers& headers, Instruct& out) {
  auto elements = list(headers, "Grip-Last");
  if (!elements) return fail(elements.error());
  for (HeaderParams& element : *elements) {
    const std::string* id = element.find("last-id");
    if (element.first.empty() || !id) return bad("Grip-Last", "must be CHANNEL; last-id=ID");
    if (!is_line(element.first) || !is_line(*id)) return bad("Grip-Last", "has control characters or bad UTF-8");
    out.last_ids.emplace_back(std::move(element.first), *id);
  }
  return {};
}

Result<void> read_status(const Headers& headers, Instruct& out) {
  const std::string* value = headers.find("Grip-Status");
  if (!value) return {};
  const std::string_view text = trim(*value);
  const size_t blank = std::min(text.find(' '), text.size());
  const auto code = parse_uint(text.substr(0, blank));
  if (!code || *code < kMinStatus || *code > kMaxStatus) return bad("Grip-Status", "must be 200 to 999 and a reason, not " + shown(text));
  out.status = static_cast<int>(*code);
  out.reason = trim(text.substr(blank));
  return {};
}

Result<void> read_expose_headers(const Headers& headers, Instruct& out) {
  for (std::string_view value : headers.all("Grip-Expose-Headers")) {
    out.has_expose_headers = true;
    for (std::string_view name : split(value, ','))
      if (!trim(name).empty()) out.expose_headers.emplace_back(trim(name));
  }
  return {};
}

}  // namespace

Result<void> read_headers(const Headers& headers, Instruct& out) {
  // The head was parsed before, but the ids and names in it go into other heads from here.
  for (const auto& [name, value] : headers)
    if (is_grip(name) && !value.empty() && !is_field_value(value)) return bad(shown(name), "has control characters");

  constexpr std::array kReaders = {read_hold,  read_channels, read_timeout, read_keep_alive,    read_meta,
                                   read_links, read_last_ids, read_status,  read_expose_headers};
  for (auto* read : kReaders)
    if (auto done = read(headers, out); !done) return done;
  return {};
}

}  // namespace holdfast::instruct
