#include "gateway/base/tnetstring.h"

#include <algorithm>
#include <charconv>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

constexpr int kDeepest = 32;
constexpr size_t kMostDigits = 9;  // of a size

Result<void> fill(Tnet& out, std::string_view data, char type, int depth);

// Takes one value from the front of `data`.
Result<Tnet> take(std::string_view& data, int depth) {
  const size_t colon = data.substr(0, kMostDigits + 1).find(':');
  if (colon == std::string_view::npos) return invalid("tnetstring without a size");
  const auto size = parse_uint(data.substr(0, colon));
  if (!size) return invalid("tnetstring with a bad size");
  if (*size + 1 > data.size() - colon - 1) return invalid("tnetstring cut short");
  const std::string_view content = data.substr(colon + 1, static_cast<size_t>(*size));
  const char type = data[colon + 1 + content.size()];
  data.remove_prefix(colon + 2 + content.size());
  Tnet out;
  if (auto filled = fill(out, content, type, depth); !filled) return fail(filled.error());
  return out;
}

Result<void> fill(Tnet& out, std::string_view data, char type, int depth) {
  out.text = data;
  switch (type) {
    case ',':
      out.kind = Tnet::Kind::text;
      return {};
    case '#': {
      out.kind = Tnet::Kind::integer;
      const auto [end, error] = std::from_chars(data.data(), data.data() + data.size(), out.integer);
      if (error != std::errc() || end != data.data() + data.size()) return invalid("tnetstring with a bad integer");
      return {};
    }
    case '^':
      out.kind = Tnet::Kind::real;
      return {};
    case '!':
      out.kind = Tnet::Kind::boolean;
      out.boolean = data == "true";
      if (!out.boolean && data != "false") return invalid("tnetstring with a bad boolean");
      return {};
    case '~':
      if (!data.empty()) return invalid("tnetstring with a bad null");
      return {};
    case ']':
    case '}':
      if (depth == 0) return invalid("tnetstring nested too deep");
      out.kind = type == ']' ? Tnet::Kind::list : Tnet::Kind::map;
      while (!data.empty()) {
        auto value = take(data, depth - 1);
        if (!value) return fail(value.error());
        if (type == ']') {
          out.list.push_back(*std::move(value));
          continue;
        }
        if (value->kind != Tnet::Kind::text || data.empty()) return invalid("tnetstring map with a bad pair");
        const std::string_view key = value->text;
        auto its_value = take(data, depth - 1);
        if (!its_value) return fail(its_value.error());
        out.keys.push_back(key);
        out.list.push_back(*std::move(its_value));
      }
      return {};
    default:
      return invalid("tnetstring of an unknown type");
  }
}

std::string encode(std::string_view data, char type) {
  std::string out = std::to_string(data.size());
  out.reserve(out.size() + data.size() + 2);
  out += ':';
  out += data;
  out += type;
  return out;
}

}  // namespace

const Tnet* Tnet::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found != keys.end() ? &list[static_cast<size_t>(found - keys.begin())] : nullptr;
}

std::optional<std::string_view> Tnet::text_of(std::string_view key) const {
  const Tnet* value = find(key);
  return value != nullptr && value->kind == Kind::text ? std::optional(value->text) : std::nullopt;
}

Result<Tnet> parse_tnet(std::string_view data) {
  auto value = take(data, kDeepest);
  if (value && !data.empty()) return invalid("something follows the tnetstring");
  return value;
}

std::string tnet_text(std::string_view text) { return encode(text, ','); }
std::string tnet_integer(int64_t number) { return encode(std::to_string(number), '#'); }
std::string tnet_boolean(bool value) { return encode(value ? "true" : "false", '!'); }
std::string tnet_list(std::string_view values) { return encode(values, ']'); }
std::string tnet_map(std::string_view pairs) { return encode(pairs, '}'); }

}  // namespace holdfast
