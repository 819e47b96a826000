#include "gateway/message/foreign.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/message/item_codec.h"
#include "gateway/message/item_json.h"

namespace holdfast {

std::optional<Wire> parse_wire(std::string_view word) {
  if (word == "raw") return Wire::raw;
  if (word == "item-json") return Wire::item_json;
  return std::nullopt;
}

Result<Item> foreign_item(Wire wire, std::string_view bytes, std::string channel, std::string_view stream_template) {
  if (wire == Wire::item_json) return parse_item(bytes, {}, channel);
  Item item;
  item.channel = std::move(channel);
  item.http_response.emplace().body = Bytes::copy(bytes);
  item.ws_message.emplace().content = Bytes::copy(bytes);
  if (!valid_utf8(bytes)) item.ws_message->type = WsMessageType::binary;
  std::string content(stream_template);
  const size_t place = content.find("{}");
  if (place != std::string::npos) content.replace(place, 2, bytes);
  item.http_stream.emplace().content = Bytes(std::move(content));
  return item;
}

Result<ForeignChannels> ForeignChannels::make(const std::vector<std::string>& entries, std::string stream_template) {
  ForeignChannels out;
  out.stream_template_ = std::move(stream_template);
  for (const auto& entry : entries) {
    const size_t equals = entry.rfind('=');
    const auto wire = equals == std::string::npos ? std::nullopt : parse_wire(std::string_view(entry).substr(equals + 1));
    if (!wire || equals == 0) return invalid("'" + entry + "': expected PREFIX=raw or PREFIX=item-json");
    out.rules_.push_back({entry.substr(0, equals), *wire});
  }
  std::stable_sort(out.rules_.begin(), out.rules_.end(), [](const Rule& a, const Rule& b) { return a.prefix.size() > b.prefix.size(); });
  return out;
}

const ForeignChannels::Rule* ForeignChannels::find(std::string_view channel) const {
  for (const auto& rule : rules_) {
    if (channel.starts_with(rule.prefix)) return &rule;
  }
  return nullptr;
}

std::string_view ForeignChannels::prefix_of(std::string_view channel) const {
  const Rule* rule = find(channel);
  return rule != nullptr ? std::string_view(rule->prefix) : std::string_view();
}

std::vector<std::string> ForeignChannels::prefixes() const {
  std::vector<std::string> out;
  for (const auto& rule : rules_) out.push_back(rule.prefix);
  return out;
}

std::optional<Bytes> ForeignChannels::envelope(std::string_view bytes, const std::string& channel) const {
  const Rule* rule = find(channel);
  if (rule == nullptr) return std::nullopt;
  const auto item = foreign_item(rule->wire, bytes, channel, stream_template_);
  if (!item) return std::nullopt;
  return encode(*item);
}

}  // namespace holdfast
