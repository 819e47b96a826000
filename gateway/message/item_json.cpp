#include "gateway/message/item_json.h"

#include <simdjson.h>

#include "gateway/message/format_json.h"
#include "gateway/message/item_rules.h"
#include "gateway/message/json_reader.h"

namespace holdfast {
namespace {

namespace dom = simdjson::dom;

bool read_channel(JsonReader& reader, const Place& at, const JsonValue& own, std::string_view known, size_t limit, std::string& out) {
  const Place place{&at, "channel"};
  if (known.empty()) {
    if (!own) return reader.lacks(at, "'channel'");
    if (!reader.read_text(place, *own, known)) return false;
  }
  if (known.empty()) return reader.fault(place, "empty");
  if (known.size() > limit) return reader.too_long(place, limit);
  out = known;
  return true;
}

bool read_meta(JsonReader& reader, const Place& at, const JsonValue& value, Meta& out) {
  if (!given(value)) return true;
  const Place place{&at, "meta"};
  dom::object object;
  if (!reader.read_object(place, *value, object)) return false;
  for (const auto field : object) {
    std::string_view text;
    if (!reader.read_text({&place, sayable(field.key)}, field.value, text)) return false;
    out.insert_or_assign(std::string(field.key), std::string(text));
  }
  return true;
}

bool read_item(JsonReader& reader, const Place& at, const dom::element& value, std::string_view channel, const ItemLimits& limits,
               Item& out) {
  dom::object object;
  if (!reader.read_object(at, value, object)) return false;
  const auto [own_channel, id, prev_id, formats, meta, size, no_seq, response, stream, message] =
      pick(object, {"channel", "id", "prev-id", "formats", "meta", "size", "no-seq", "http-response", "http-stream", "ws-message"});
  if (!read_channel(reader, at, own_channel, channel, limits.max_channel_bytes, out.channel)) return false;
  if (!reader.read_optional({&at, "id"}, id, out.id) || !reader.read_optional({&at, "prev-id"}, prev_id, out.prev_id)) return false;
  if (given(formats)) {
    const Place inside{&at, "formats"};
    dom::object members;
    if (!reader.read_object(inside, *formats, members)) return false;
    if (members.size() == 0) return reader.fault(inside, "no formats specified");
    const auto [http, pieces, socket] = pick(members, {"http-response", "http-stream", "ws-message"});
    if (!read_formats(reader, inside, http, pieces, socket, out)) return false;
  } else {
    if (!response && !stream && !message) return reader.fault(at, "no formats specified");
    if (!read_formats(reader, at, response, stream, message, out)) return false;
  }
  if (!read_meta(reader, at, meta, out.meta)) return false;
  if (size && !reader.read_number({&at, "size"}, *size, [](int64_t number) { return number >= 0; }, out.size)) return false;
  if (no_seq && no_seq->get(out.no_seq) != simdjson::SUCCESS) return reader.fault({&at, "no-seq"}, "wrong type");
  if (bytes_of(out) > limits.max_item_bytes) return reader.too_long(at, limits.max_item_bytes);
  return true;
}

// A kept parser holds some 15 times the largest document it has seen: that buys speed with small ones and would cost dear with large ones.
constexpr size_t kLargestForKeptParser = 256 * 1024;

template <class Use>
auto with_document(std::string_view json, Use use) -> decltype(use(dom::element())) {
  const auto run = [&](dom::parser& parser) -> decltype(use(dom::element())) {
    dom::element root;
    const auto error = parser.parse(json.data(), json.size()).get(root);
    if (error == simdjson::MEMALLOC || error == simdjson::CAPACITY) return fail(ErrorKind::too_large, "Invalid format: too large.");
    if (error != simdjson::SUCCESS) return invalid("Body is not valid JSON.");
    return use(root);
  };
  if (json.size() > kLargestForKeptParser) {
    dom::parser parser;
    return run(parser);
  }
  thread_local dom::parser parser;
  return run(parser);
}

}  // namespace

Result<std::vector<Item>> parse_items(std::string_view json, const ItemLimits& limits) {
  return with_document(json, [&](dom::element root) -> Result<std::vector<Item>> {
    dom::object object;
    if (root.get(object) != simdjson::SUCCESS) return invalid("Invalid format.");
    const auto [items] = pick(object, {"items"});
    if (!items) return invalid("Invalid format: object does not contain 'items'");
    dom::array list;
    if (items->get(list) != simdjson::SUCCESS) return invalid("Invalid format: object contains 'items' with wrong type");
    if (list.size() > limits.max_items) {
      return fail(ErrorKind::too_large,
                  "Invalid format: object contains 'items' with more than " + std::to_string(limits.max_items) + " elements");
    }
    std::vector<Item> out;
    out.reserve(list.size());
    JsonReader reader(limits.max_item_bytes);
    for (const auto element : list) {
      const Place place{nullptr, "items", out.size()};
      if (!read_item(reader, place, element, {}, limits, out.emplace_back())) return fail(reader.take_error());
    }
    return out;
  });
}

Result<Item> parse_item(std::string_view json, const ItemLimits& limits, std::string_view channel) {
  return with_document(json, [&](dom::element root) -> Result<Item> {
    JsonReader reader(limits.max_item_bytes);
    Item item;
    if (!read_item(reader, {nullptr, "item"}, root, channel, limits, item)) return fail(reader.take_error());
    return item;
  });
}

}  // namespace holdfast
