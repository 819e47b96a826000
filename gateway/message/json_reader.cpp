#include "gateway/message/json_reader.h"

#include <cmath>

#include <simdjson.h>

#include "gateway/base/text.h"

namespace holdfast {
namespace {

namespace dom = simdjson::dom;

std::optional<int64_t> whole_number(dom::element value) {
  int64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  double real = 0;
  if (value.get(real) == simdjson::SUCCESS && std::abs(real) < 1e15 && std::trunc(real) == real) return static_cast<int64_t>(real);
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
  const auto digits = parse_uint(trim(text));
  return digits && *digits <= INT64_MAX ? std::optional(static_cast<int64_t>(*digits)) : std::nullopt;
}

}  // namespace

bool given(const JsonValue& value) { return value && !value->is_null(); }

std::string_view sayable(std::string_view name) { return name.size() <= 64 && is_token(name) ? name : "?"; }

bool JsonReader::fault(const Place& at, std::string_view what, ErrorKind kind) {
  error_ = Error{kind, "Invalid format: " + at.words() + ": " + std::string(what)};
  return false;
}

bool JsonReader::too_long(const Place& at, size_t limit) {
  return fault(at, "more than " + std::to_string(limit) + " bytes", ErrorKind::too_large);
}

bool JsonReader::lacks(const Place& at, std::string_view names) { return fault(at, "object does not contain " + std::string(names)); }

bool JsonReader::read_object(const Place& at, const Element& value, dom::object& out) {
  return value.get(out) == simdjson::SUCCESS || fault(at, "not an object");
}

bool JsonReader::read_text(const Place& at, const Element& value, std::string_view& out) {
  return value.get(out) == simdjson::SUCCESS || fault(at, "wrong type");
}

bool JsonReader::read_line(const Place& at, const Element& value, std::string_view& out) {
  return read_text(at, value, out) && (is_field_value(out) || fault(at, "control characters"));
}

bool JsonReader::read_optional(const Place& at, const JsonValue& value, std::optional<std::string>& out) {
  if (!given(value)) return true;
  std::string_view text;
  if (!read_text(at, *value, text)) return false;
  out.emplace(text);
  return true;
}

bool JsonReader::read_names(const Place& at, const Element& value, std::vector<std::string>& out) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return fault(at, "wrong type");
  for (const auto entry : list) {
    std::string_view name;
    if (!read_text({at.outer, at.name, out.size()}, entry, name)) return false;
    out.emplace_back(name);
  }
  return true;
}

bool JsonReader::read_content(const Place& at, const Element& value, Bytes& out) {
  std::string_view text;
  if (!read_text(at, value, text)) return false;
  if (text.size() > max_content_) return too_long(at, max_content_);
  out = Bytes::copy(text);
  return true;
}

bool JsonReader::read_base64(const Place& at, const Element& value, Bytes& out) {
  std::string_view text;
  if (!read_text(at, value, text)) return false;
  // Before anything is decoded; up to two bytes of the last group may be padding.
  if (text.size() / 4 * 3 > max_content_ + 2) return too_long(at, max_content_);
  auto decoded = base64_decode(text);
  if (!decoded) return fault(at, "not base64");
  out = Bytes(std::move(*decoded));
  return true;
}

bool JsonReader::read_number(const Place& at, const Element& value, bool (*allowed)(int64_t), int64_t& out) {
  const auto number = whole_number(value);
  if (!number) return fault(at, value.is_string() ? "not a number" : "wrong type");
  if (!allowed(*number)) return fault(at, "invalid value");
  out = *number;
  return true;
}

}  // namespace holdfast
