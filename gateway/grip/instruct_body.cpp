#include <cmath>

#include <simdjson.h>

#include "gateway/base/text.h"
#include "gateway/grip/instruct_parts.h"

namespace holdfast::instruct {
namespace {

namespace json = simdjson::dom;

tl::unexpected<Error> bad(std::string_view path, std::string_view fault) { return invalid(std::string(path) + " " + std::string(fault)); }

std::string inside(std::string_view path, std::string_view key) { return std::string(path) + "." + std::string(key); }
std::string inside(std::string_view path, size_t index) { return std::string(path) + "[" + std::to_string(index) + "]"; }

std::optional<json::element> member(json::object object, std::string_view key) {
  json::element value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

Result<json::object> object_of(json::element value, std::string_view path) {
  json::object out;
  if (value.get(out) != simdjson::SUCCESS) return bad(path, "must be an object");
  return out;
}

Result<json::array> array_of(json::element value, std::string_view path) {
  json::array out;
  if (value.get(out) != simdjson::SUCCESS) return bad(path, "must be an array");
  return out;
}

Result<std::string> text_of(json::element value, std::string_view path) {
  std::string_view out;
  if (value.get(out) != simdjson::SUCCESS) return bad(path, "must be a string");
  return std::string(out);
}

// A string that goes into a head, or into the key of something.
Result<std::string> line_of(json::element value, std::string_view path) {
  auto text = text_of(value, path);
  if (text && !is_line(*text)) return bad(path, "must not have control characters");
  return text;
}

// `5`, `5.0` and, since Pushpin takes them, `"5"`.
std::optional<uint64_t> whole_number(json::element value) {
  uint64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  double real = 0;
  if (value.get(real) == simdjson::SUCCESS && real >= 0 && real <= 1e9 && std::floor(real) == real) return static_cast<uint64_t>(real);
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return parse_uint(text);
  return std::nullopt;
}

Result<std::chrono::seconds> seconds_of(json::element value, std::string_view path) {
  const auto number = whole_number(value);
  if (!number || *number > kMaxSeconds) return bad(path, "must be a whole number of seconds, not negative");
  return std::chrono::seconds(*number);
}

// `key` as text, or `key`-bin in base64, which goes first.
Result<std::optional<std::string>> content_of(json::object object, std::string_view path, std::string_view key) {
  const std::string bin = std::string(key) + "-bin";
  if (const auto value = member(object, bin)) {
    auto text = text_of(*value, inside(path, bin));
    if (!text) return fail(text.error());
    auto decoded = base64_decode(*text);
    if (!decoded) return bad(inside(path, bin), "must be base64");
    return decoded;
  }
  const auto value = member(object, key);
  if (!value) return std::nullopt;
  auto text = text_of(*value, inside(path, key));
  if (!text) return fail(text.error());
  return std::move(*text);
}

Result<void> read_mode(json::object hold, Instruct& out) {
  out.hold = HoldMode::response;
  const auto value = member(hold, "mode");
  if (!value) return {};
  const auto mode = text_of(*value, "hold.mode");
  if (!mode) return fail(mode.error());
  if (*mode == "stream")
    out.hold = HoldMode::stream;
  else if (*mode != "response")
    return bad("hold.mode", "must be 'response' or 'stream', not " + shown(*mode));
  return {};
}

Result<std::vector<std::string>> filters_of(json::element value, std::string_view path) {
  const auto filters = array_of(value, path);
  if (!filters) return fail(filters.error());
  std::vector<std::string> out;
  for (json::element filter : *filters) {
    auto name = line_of(filter, inside(path, out.size()));
    if (!name) return fail(name.error());
    out.push_back(std::move(*name));
  }
  return out;
}

Result<HoldChannel> channel_of(json::element value, const std::string& path) {
  const auto object = object_of(value, path);
  if (!object) return fail(object.error());
  HoldChannel channel;
  const auto name = member(*object, "name");
  if (!name) return bad(path, "has no name");
  if (auto text = line_of(*name, inside(path, "name")))
    channel.name = std::move(*text);
  else
    return fail(text.error());
  if (const auto prev_id = member(*object, "prev-id")) {
    auto text = line_of(*prev_id, inside(path, "prev-id"));
    if (!text) return fail(text.error());
    channel.prev_id = std::move(*text);
  }
  if (const auto filters = member(*object, "filters")) {
    auto names = filters_of(*filters, inside(path, "filters"));
    if (!names) return fail(names.error());
    channel.filters = std::move(*names);
  }
  if (auto fault = fault_of(channel)) return bad(path, *fault);
  return channel;
}

Result<void> read_channels(json::object hold, Instruct& out) {
  const auto value = member(hold, "channels");
  if (!value) return bad("hold", "has no channels");
  const auto channels = array_of(*value, "hold.channels");
  if (!channels) return fail(channels.error());
  size_t index = 0;
  for (json::element entry : *channels) {
    if (out.channels.size() == kMaxChannels) return bad("hold.channels", "names more than " + std::to_string(kMaxChannels) + " channels");
    auto channel = channel_of(entry, inside("hold.channels", index++));
    if (!channel) return fail(channel.error());
    out.channels.push_back(std::move(*channel));
  }
  return {};
}

Result<void> read_timeout(json::object hold, Instruct& out) {
  const auto value = member(hold, "timeout");
  if (!value) return {};
  auto timeout = seconds_of(*value, "hold.timeout");
  if (!timeout) return fail(timeout.error());
  out.timeout = *timeout;
  return {};
}

Result<KeepAliveMode> keep_alive_mode_of(json::element value) {
  const auto mode = text_of(value, "hold.keep-alive.mode");
  if (!mode) return fail(mode.error());
  if (*mode == "idle") return KeepAliveMode::idle;
  if (*mode == "interval") return KeepAliveMode::interval;
  return bad("hold.keep-alive.mode", "must be 'idle' or 'interval', not " + shown(*mode));
}

Result<void> read_keep_alive(json::object hold, Instruct& out) {
  const auto value = member(hold, "keep-alive");
  if (!value) return {};
  const auto object = object_of(*value, "hold.keep-alive");
  if (!object) return fail(object.error());

  // Pushpin does not start the timer again at a message when the keep-alive comes from a body, unless a header gave a mode. That is
  // `interval`, and the default here; the member `mode` is ours.
  KeepAlive keep_alive{.mode = KeepAliveMode::interval};
  if (out.keep_alive) {
    keep_alive = *out.keep_alive;
    keep_alive.timeout = KeepAlive().timeout;
  }
  auto content = content_of(*object, "hold.keep-alive", "content");
  if (!content) return fail(content.error());
  if (*content) keep_alive.content = std::move(**content);
  if (const auto timeout = member(*object, "timeout")) {
    auto given = seconds_of(*timeout, "hold.keep-alive.timeout");
    if (!given) return fail(given.error());
    keep_alive.timeout = *given;
  }
  if (const auto mode = member(*object, "mode")) {
    auto given = keep_alive_mode_of(*mode);
    if (!given) return fail(given.error());
    keep_alive.mode = *given;
  }
  out.keep_alive.reset();
  if (!keep_alive.content.empty()) out.keep_alive = std::move(keep_alive);  // an empty piece would end a chunked response
  return {};
}

Result<void> read_meta(json::object hold, Instruct& out) {
  const auto value = member(hold, "meta");
  if (!value) return {};
  const auto object = object_of(*value, "hold.meta");
  if (!object) return fail(object.error());
  for (const auto& [name, entry] : *object) {
    if (name.empty() || !is_line(name)) return bad("hold.meta", "has the bad name " + shown(name));
    auto text = line_of(entry, inside("hold.meta", shown(name)));
    if (!text) return fail(text.error());
    out.meta.emplace_back(name, std::move(*text));
  }
  return {};
}

Result<void> read_hold(json::element value, Instruct& out) {
  const auto hold = object_of(value, "hold");
  if (!hold) return fail(hold.error());
  for (auto* read : {read_mode, read_channels, read_timeout, read_keep_alive, read_meta})
    if (auto done = read(*hold, out); !done) return done;
  return {};
}

Result<void> add_header(std::string_view name, json::element value, std::string_view path, Instruct& out) {
  if (!is_token(name)) return bad(path, "has the bad header name " + shown(name));
  auto text = line_of(value, path);
  if (!text) return fail(text.error());
  // Unlike the backend's own, a Content-Encoding here is the truth about the body beside it.
  if (!is_grip(name) && (!is_hop(name) || iequals(name, "Content-Encoding"))) out.headers.add(name, *text);
  return {};
}

Result<void> add_header_pairs(json::array pairs, Instruct& out) {
  size_t index = 0;
  for (json::element entry : pairs) {
    const std::string path = inside("response.headers", index++);
    json::array pair;
    std::string_view name;
    json::element value;
    if (entry.get(pair) != simdjson::SUCCESS || pair.size() != 2 || pair.at(0).get(name) != simdjson::SUCCESS ||
        pair.at(1).get(value) != simdjson::SUCCESS)
      return bad(path, "must be a pair of strings");
    if (auto added = add_header(name, value, path, out); !added) return added;
  }
  return {};
}

Result<void> read_response_headers(json::object response, Instruct& out) {
  const auto value = member(response, "headers");
  if (!value) return {};
  if (json::array pairs; value->get(pairs) == simdjson::SUCCESS) return add_header_pairs(pairs, out);
  json::object object;
  if (value->get(object) != simdjson::SUCCESS) return bad("response.headers", "must be an object or an array of pairs");
  for (const auto& [name, entry] : object)
    if (auto added = add_header(name, entry, inside("response.headers", shown(name)), out); !added) return added;
  return {};
}

Result<void> read_status(json::object response, Instruct& out) {
  if (const auto value = member(response, "code")) {
    const auto code = whole_number(*value);
    if (!code || *code < kMinStatus || *code > kMaxStatus) return bad("response.code", "must be a number from 200 to 999");
    out.status = static_cast<int>(*code);
    out.reason.clear();
  }
  const auto value = member(response, "reason");
  if (!value) return {};
  auto reason = line_of(*value, "response.reason");
  if (!reason) return fail(reason.error());
  if (!reason->empty()) out.reason = std::move(*reason);
  return {};
}

Result<void> read_response(json::element value, Instruct& out) {
  const auto response = object_of(value, "response");
  if (!response) return fail(response.error());
  for (auto* read : {read_status, read_response_headers})
    if (auto done = read(*response, out); !done) return done;
  auto body = content_of(*response, "response", "body");
  if (!body) return fail(body.error());
  if (*body) out.body = Bytes(std::move(**body));
  return {};
}

}  // namespace

Result<void> read_body(std::string_view text, Instruct& out) {
  json::parser parser;
  const simdjson::padded_string padded(text);  // the parser reads past the end of what it is given
  json::element root;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS) return invalid("the application/grip-instruct body is not JSON");
  json::object instruct;
  if (root.get(instruct) != simdjson::SUCCESS) return invalid("the application/grip-instruct body must be a JSON object");

  out.body = Bytes();
  if (const auto hold = member(instruct, "hold"))
    if (auto done = read_hold(*hold, out); !done) return done;
  if (const auto response = member(instruct, "response"))
    if (auto done = read_response(*response, out); !done) return done;
  return {};
}

}  // namespace holdfast::instruct
