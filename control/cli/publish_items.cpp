#include "control/cli/publish_items.h"

#include <nlohmann/json.hpp>

#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

using nlohmann::json;

struct Formats {
  bool response;
  bool stream;
  bool ws;
};

// A close ends streams and sockets, a hint wakes HTTP holds: no format is offered what it does not know.
Formats choose(const PublishArguments& a) {
  const bool all = !a.response && !a.stream && !a.ws;
  return {.response = (all || a.response) && !a.close, .stream = all || a.stream, .ws = (all || a.ws) && !a.hint};
}

std::string wrong(const PublishArguments& a) {
  if (a.channel.empty()) return "a channel is needed";
  if (a.close && a.hint) return "--close and --hint exclude each other";
  if ((a.close || a.hint) && a.text) return "--close and --hint take no text";
  if (!a.close && !a.hint && !a.text) return "a text is needed (- reads it from standard input)";
  if (a.close && a.response) return "--close does not fit --response: a response ends by itself";
  if (a.hint && a.ws) return "--hint does not fit --ws: a WebSocket has nothing to ask again";
  if (a.code && a.hint) return "--code does not fit --hint";
  return {};
}

json content(const std::string& name, const std::string& text) {
  if (valid_utf8(text)) return {{name, text}};
  return {{name + "-bin", base64_encode(text)}};
}

json response_format(const PublishArguments& a) {
  if (a.hint) return {{"action", "hint"}};
  json format = content("body", *a.text);
  if (a.code) format["code"] = *a.code;
  return format;
}

json stream_format(const PublishArguments& a) {
  if (a.hint) return {{"action", "hint"}};
  if (a.close) return {{"action", "close"}};
  return content("content", *a.text);
}

json ws_format(const PublishArguments& a) {
  if (!a.close) return content("content", *a.text);
  json format = {{"action", "close"}};
  if (a.code) format["code"] = *a.code;
  return format;
}

}  // namespace

Result<PublishBody> make_publish_body(const PublishArguments& a) {
  if (std::string text = wrong(a); !text.empty()) return invalid(std::move(text));
  // Names are sent as JSON text: this is the one place that can say it kindly.
  for (const std::string* name : {&a.channel, a.id ? &*a.id : &a.channel, a.prev_id ? &*a.prev_id : &a.channel})
    if (!valid_utf8(*name)) return invalid("channel and ids must be UTF-8");

  const Formats formats = choose(a);
  json item = {{"channel", a.channel}, {"formats", json::object()}};
  if (formats.response) item["formats"]["http-response"] = response_format(a);
  if (formats.stream) item["formats"]["http-stream"] = stream_format(a);
  if (formats.ws) item["formats"]["ws-message"] = ws_format(a);
  if (a.id) item["id"] = *a.id;
  if (a.prev_id) item["prev-id"] = *a.prev_id;
  for (const std::string& pair : a.meta) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0 || !valid_utf8(pair)) return invalid("--meta wants KEY=VALUE, not '" + pair + "'");
    item["meta"][pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return PublishBody{.json = json{{"items", json::array({std::move(item)})}}.dump(), .items = 1};
}

Result<PublishBody> read_items(const std::string& content) {
  json value = json::parse(content, nullptr, false);
  if (value.is_discarded()) return invalid("the file is not valid JSON");
  if (value.is_object() && !value.contains("items")) value = json::array({std::move(value)});
  if (value.is_array()) value = json{{"items", std::move(value)}};
  if (!value.is_object() || !value["items"].is_array()) return invalid("the file holds no list of items");
  const size_t count = value["items"].size();
  return PublishBody{.json = value.dump(-1, ' ', false, json::error_handler_t::replace), .items = count};
}

}  // namespace holdfast::control
