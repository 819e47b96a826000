#include "gateway/message/item_tnet.h"

#include <nlohmann/json.hpp>

#include "gateway/base/text.h"

namespace holdfast {
namespace {

using Json = nlohmann::json;

// Where bytes may stand: the JSON form has a name of its own for them.
std::string_view binary_name(std::string_view format, std::string_view key) {
  if (format == "http-response" && key == "body") return "body-bin";
  if (format == "http-stream" && key == "content") return "content-bin";
  if (key == "content-bin" || key == "body-bin") return key;
  return {};
}

// One reader decides what an item is: this one translates for it. False: a text is not UTF-8. `format`: the key under which this stands.
bool translate(const Tnet& value, std::string_view format, Json& out) {
  switch (value.kind) {
    case Tnet::Kind::null:
      return true;
    case Tnet::Kind::text:
      if (!valid_utf8(value.text)) return false;
      out = std::string(value.text);
      return true;
    case Tnet::Kind::integer:
      out = value.integer;
      return true;
    case Tnet::Kind::real:
      out = std::strtod(std::string(value.text).c_str(), nullptr);
      return true;
    case Tnet::Kind::boolean:
      out = value.boolean;
      return true;
    case Tnet::Kind::list:
      out = Json::array();
      for (const auto& element : value.list) {
        if (!translate(element, {}, out.emplace_back())) return false;
      }
      return true;
    case Tnet::Kind::map:
      out = Json::object();
      for (size_t i = 0; i < value.keys.size(); ++i) {
        const auto key = value.keys[i];
        const auto& member = value.list[i];
        if (!valid_utf8(key)) return false;
        const auto binary = binary_name(format, key);
        if (!binary.empty() && member.kind == Tnet::Kind::text) {
          out[std::string(binary)] = base64_encode(member.text);
        } else if (!translate(member, key, out[std::string(key)])) {
          return false;
        }
      }
      return true;
  }
  return false;
}

}  // namespace

Result<Item> parse_item_tnet(const Tnet& item, const ItemLimits& limits, std::string_view channel) {
  Json json;
  if (!translate(item, {}, json)) return invalid("Invalid format: a text is not UTF-8.");
  return parse_item(json.dump(), limits, channel);
}

Result<Item> parse_item_frame(std::string_view frame, const ItemLimits& limits, std::string_view channel) {
  if (frame.starts_with('J')) return parse_item(frame.substr(1), limits, channel);
  if (frame.starts_with('T')) frame.remove_prefix(1);
  const auto value = parse_tnet(frame);
  if (!value) return fail(value.error());
  if (value->kind != Tnet::Kind::map) return invalid("Invalid format: not a map.");
  return parse_item_tnet(*value, limits, channel);
}

}  // namespace holdfast
