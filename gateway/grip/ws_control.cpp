#include "gateway/grip/ws_control.h"

#include <array>
#include <cmath>

#include <simdjson.h>

#include "gateway/base/text.h"
#include "gateway/grip/params.h"

namespace holdfast {

namespace {

namespace json = simdjson::dom;

constexpr size_t kMaxJson = 65536;
constexpr size_t kMaxPing = 125;
constexpr uint64_t kLongestSeconds = 7 * 24 * 3600;

constexpr std::array<std::pair<std::string_view, WsControl::Type>, 8> kTypes{{{"subscribe", WsControl::Type::subscribe},
                                                                              {"unsubscribe", WsControl::Type::unsubscribe},
                                                                              {"detach", WsControl::Type::detach},
                                                                              {"session", WsControl::Type::session},
                                                                              {"set-meta", WsControl::Type::set_meta},
                                                                              {"keep-alive", WsControl::Type::keep_alive},
                                                                              {"send-delayed", WsControl::Type::send_delayed},
                                                                              {"flush-delayed", WsControl::Type::flush_delayed}}};
constexpr std::array<std::pair<std::string_view, WsMessageType>, 4> kMessageTypes{
    {{"text", WsMessageType::text}, {"binary", WsMessageType::binary}, {"ping", WsMessageType::ping}, {"pong", WsMessageType::pong}}};

// The fields of one control message, by name. Each read says false after noting the fault.
class Fields {
 public:
  explicit Fields(json::object object) : object_(object) {}

  bool text(std::string_view name, std::optional<std::string>& out) {
    json::element value;
    if (object_.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return true;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return fault(name, "must be a string");
    out = text;
    return true;
  }

  bool name(std::string_view name, std::string& out) {
    std::optional<std::string> value;
    if (!text(name, value)) return false;
    if (!value || value->empty()) return fault(name, "is missing");
    if (!is_field_value(*value)) return fault(name, "has control characters");
    out = std::move(*value);
    return true;
  }

  bool texts(std::string_view name, std::vector<std::string>& out) {
    json::element value;
    if (object_.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return true;
    json::array list;
    if (value.get(list) != simdjson::SUCCESS) return fault(name, "must be an array");
    for (const auto entry : list) {
      std::string_view text;
      if (entry.get(text) != simdjson::SUCCESS) return fault(name, "must be an array of strings");
      out.emplace_back(text);
    }
    return true;
  }

  bool seconds(std::string_view name, std::chrono::seconds& out) {
    json::element value;
    if (object_.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return true;
    double number = 0;
    if (value.get(number) != simdjson::SUCCESS || !(number >= 0) || number > static_cast<double>(kLongestSeconds) ||
        std::floor(number) != number) {
      return fault(name, "must be whole seconds, at most a week");
    }
    out = std::chrono::seconds(std::max<int64_t>(1, static_cast<int64_t>(number)));
    return true;
  }

  template <class Table, class Value>
  bool word(std::string_view name, const Table& table, Value& out) {
    std::optional<std::string> value;
    if (!text(name, value)) return false;
    if (!value) return true;
    for (const auto& [known, meaning] : table) {
      if (known != *value) continue;
      out = meaning;
      return true;
    }
    return fault(name, "is unknown");
  }

  bool fault(std::string_view name, std::string_view what) {
    fault_ = std::string(name) + " " + std::string(what);
    return false;
  }
  const std::string& fault() const { return fault_; }

 private:
  json::object object_;
  std::string fault_;
};

// The message of keep-alive and send-delayed.
bool read_message(Fields& fields, WsControl& out) {
  std::optional<std::string> binary;
  if (!fields.word("message-type", kMessageTypes, out.message_type) || !fields.seconds("timeout", out.timeout) ||
      !fields.text("content", out.content) || !fields.text("content-bin", binary)) {
    return false;
  }
  if (binary) {
    out.content = base64_decode(*binary);
    if (!out.content) return fields.fault("content-bin", "is no base64");
  }
  if (!out.content) return true;
  if (out.message_type == WsMessageType::text && !valid_utf8(*out.content)) return fields.fault("content", "is not UTF-8");
  const bool control = out.message_type == WsMessageType::ping || out.message_type == WsMessageType::pong;
  if (control && out.content->size() > kMaxPing) return fields.fault("content", "of a ping or pong is longer than 125 bytes");
  return true;
}

bool read_fields(Fields& fields, WsControl& out) {
  using Type = WsControl::Type;
  switch (out.type) {
    case Type::subscribe:
      return fields.name("channel", out.channel) && fields.texts("filters", out.filters);
    case Type::unsubscribe:
      return fields.name("channel", out.channel);
    case Type::session:
      return fields.text("id", out.value);
    case Type::set_meta:
      return fields.name("name", out.name) && fields.text("value", out.value);
    case Type::keep_alive: {
      constexpr std::array<std::pair<std::string_view, KeepAliveMode>, 2> kModes{
          {{"idle", KeepAliveMode::idle}, {"interval", KeepAliveMode::interval}}};
      return fields.word("mode", kModes, out.mode) && read_message(fields, out);
    }
    case Type::send_delayed:
      out.timeout = std::chrono::seconds(1);
      if (!read_message(fields, out)) return false;
      return out.content.has_value() || fields.fault("content", "is missing");
    case Type::detach:
    case Type::flush_delayed:
      return true;
  }
  return true;
}

}  // namespace

Result<WsControl> parse_ws_control(std::string_view text) {
  if (text.size() > kMaxJson) return invalid("longer than 64 KiB");
  json::parser parser;
  json::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return invalid("not JSON");
  json::object object;
  if (root.get(object) != simdjson::SUCCESS) return invalid("not an object");
  Fields fields(object);
  WsControl out;
  std::string type;
  if (!fields.name("type", type) || !fields.word("type", kTypes, out.type) || !read_fields(fields, out)) return invalid(fields.fault());
  return out;
}

GripExtension parse_grip_extension(const std::vector<std::string_view>& values) {
  GripExtension out;
  for (const auto value : values) {
    const auto list = parse_params_list(value);
    if (!list) continue;
    for (const auto& extension : *list) {
      if (out.on || !iequals(extension.first, "grip")) continue;
      out.on = true;
      if (const auto* prefix = extension.find("message-prefix")) out.prefix = *prefix;
    }
  }
  return out;
}

}  // namespace holdfast
