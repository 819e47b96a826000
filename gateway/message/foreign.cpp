#include "gateway/message/foreign.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/message/item_codec.h"
#include "gateway/message/item_json.h"

namespace holdfast {

namespace {

Bytes filled(std::string content, std::string_view bytes) {
  const size_t place = content.find("{}");
  if (place != std::string::npos) content.replace(place, 2, bytes);
  return Bytes(std::move(content));
}

std::string* template_of(ForeignTemplates& templates, std::string_view format) {
  if (format == "http-stream") return &templates.stream;
  if (format == "http-response") return &templates.response;
  if (format == "ws-message") return &templates.message;
  return nullptr;
}

}  // namespace

std::optional<Wire> parse_wire(std::string_view word) {
  if (word == "raw") return Wire::raw;
  if (word == "item-json") return Wire::item_json;
  return std::nullopt;
}

Result<Item> foreign_item(Wire wire, std::string_view bytes, std::string channel, const ForeignTemplates& templates) {
  if (wire == Wire::item_json) return parse_item(bytes, {}, channel);
  Item item;
  item.channel = std::move(channel);
  item.http_stream.emplace().content = filled(templates.stream, bytes);
  item.http_response.emplace().body = filled(templates.response, bytes);
  item.ws_message.emplace().content = filled(templates.message, bytes);
  if (!valid_utf8(item.ws_message->content.view())) item.ws_message->type = WsMessageType::binary;
  return item;
}

Result<ForeignChannels> ForeignChannels::make(const std::vector<std::string>& entries, const std::string& stream_template) {
  ForeignChannels out;
  for (const auto& entry : entries) {
    const size_t equals = entry.rfind('=');
    const auto wire = equals == std::string::npos ? std::nullopt : parse_wire(std::string_view(entry).substr(equals + 1));
    if (!wire || equals == 0) return invalid("'" + entry + "': expected PREFIX=raw or PREFIX=item-json");
    out.rules_.push_back({entry.substr(0, equals), *wire, {.stream = stream_template}, {}});
  }
  std::stable_sort(out.rules_.begin(), out.rules_.end(), [](const Rule& a, const Rule& b) { return a.prefix.size() > b.prefix.size(); });
  return out;
}

Result<void> ForeignChannels::use(const std::vector<std::string>& templates) {
  for (const auto& text : templates) {
    if (auto used = use(text); !used) return used;
  }
  return {};
}

Result<void> ForeignChannels::use(const std::string& text) {
  const auto wrong = [&](const std::string& why) { return invalid("'" + text + "': " + why); };
  const auto of = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) { return text.starts_with(rule.prefix + " "); });
  if (of == rules_.end()) return wrong("expected PREFIX FORMAT=TEMPLATE with a prefix of broker.foreign");
  if (of->wire != Wire::raw) return wrong("only raw bytes have templates, and '" + of->prefix + "' is fed with items");
  const std::string_view rest = std::string_view(text).substr(of->prefix.size() + 1);
  const size_t equals = rest.find('=');
  const std::string format(rest.substr(0, equals));
  auto* const into = equals == std::string_view::npos ? nullptr : template_of(of->templates, format);
  if (into == nullptr) return wrong("a format of '" + of->prefix + "' is http-stream, http-response or ws-message, and = follows it");
  if (std::find(of->own.begin(), of->own.end(), format) != of->own.end())
    return wrong("'" + of->prefix + "' has two templates for " + format);
  of->own.push_back(format);
  *into = rest.substr(equals + 1);
  return {};
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
  const auto item = foreign_item(rule->wire, bytes, channel, rule->templates);
  if (!item) return std::nullopt;
  return encode(*item);
}

}  // namespace holdfast
