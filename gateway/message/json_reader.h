#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/bytes.h"
#include "gateway/base/result.h"
#include "gateway/message/place.h"

// Only named here: sources include <simdjson.h> before this header.
namespace simdjson::dom {
class element;
class object;
}  // namespace simdjson::dom

namespace holdfast {

// A member of an object that may be missing.
using JsonValue = std::optional<simdjson::dom::element>;

// Pushpin takes null for an optional text as if it were not there.
bool given(const JsonValue& value);

// The members of these names, in this order. The last one counts if a name is given twice, as in most JSON readers.
template <class Object, size_t N>
std::array<JsonValue, N> pick(Object object, const std::string_view (&names)[N]) {
  std::array<JsonValue, N> out;
  for (const auto field : object) {
    for (size_t i = 0; i < N; ++i) {
      if (field.key == names[i]) out[i] = field.value;
    }
  }
  return out;
}

// A name from outside, as far as it may stand in an answer.
std::string_view sayable(std::string_view name);

// Reads single values and remembers what was wrong. Each read_* returns false at a fault, and the caller then returns false as well.
class JsonReader {
 public:
  using Element = simdjson::dom::element;

  explicit JsonReader(size_t max_content) : max_content_(max_content) {}

  Error take_error() { return std::move(error_); }

  // These return false.
  bool fault(const Place& at, std::string_view what, ErrorKind kind = ErrorKind::invalid);
  bool too_long(const Place& at, size_t limit);
  bool lacks(const Place& at, std::string_view names);

  bool read_object(const Place& at, const Element& value, simdjson::dom::object& out);
  bool read_text(const Place& at, const Element& value, std::string_view& out);  // a view into the document
  bool read_line(const Place& at, const Element& value, std::string_view& out);  // text for a head: nothing in it may end the line
  bool read_optional(const Place& at, const JsonValue& value, std::optional<std::string>& out);
  bool read_names(const Place& at, const Element& value, std::vector<std::string>& out);
  bool read_content(const Place& at, const Element& value, Bytes& out);
  bool read_base64(const Place& at, const Element& value, Bytes& out);

  // Integers, whole floating point numbers, and digits in a string, as in Pushpin; but Pushpin makes 0 of "abc", and a publisher is
  // better served by an error.
  bool read_number(const Place& at, const Element& value, bool (*allowed)(int64_t), int64_t& out);

  template <class Word, size_t N>
  bool read_word(const Place& at, const JsonValue& value, const std::pair<std::string_view, Word> (&words)[N], Word& out) {
    std::optional<std::string> text;
    if (!read_optional(at, value, text)) return false;
    if (!text) return true;
    for (const auto& [word, meaning] : words) {
      if (*text != word) continue;
      out = meaning;
      return true;
    }
    return fault(at, "unknown value");
  }

 private:
  size_t max_content_;
  Error error_;
};

}  // namespace holdfast
