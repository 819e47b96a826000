#include <algorithm>

#include "control/fleet_messages.h"

namespace holdfast::control {

// What this node answers when another asks.

namespace {

constexpr int64_t kMost = 100'000;

size_t most_in(const Json& question) { return static_cast<size_t>(std::clamp<int64_t>(number_in(question, "most"), 0, kMost)); }

}  // namespace

void Fleet::answer(const std::string& text) {
  const Json question = parse(text);
  const std::string operation = text_in(question, "operation"), name = text_in(question, "name");
  Json out{{"answer", number_in(question, "id")}};
  if (operation == "channels") {
    out["channels"] = Json::array();
    for (const auto& channel : node_.channels(name, most_in(question))) {
      out["channels"].push_back({channel.name, channel.response, channel.stream, channel.websocket});
    }
  } else if (operation == "channel") {
    const auto channel = node_.channel(name);
    out["channels"] = Json::array({Json::array({name, channel.response, channel.stream, channel.websocket})});
  } else if (operation == "connections") {
    out["node"] = own_.id;
    out["connections"] = Json::array();
    for (const auto& one : node_.connections({name, text_in(question, "kind"), most_in(question)}))
      out["connections"].push_back({one.id, one.kind, one.peer, one.channels});
  } else if (operation == "alive") {
    out["names"] = node_.alive(texts_in(question, "names"));
  } else if (operation == "refresh") {
    out["found"] = node_.refresh(name);
  } else if (operation == "disconnect") {
    out["found"] = node_.disconnect(name);
  } else if (operation == "drain") {
    out["found"] = name == own_.id;
    if (name == own_.id) node_.drain();
  } else {
    out["unknown"] = operation;  // of a newer release
  }
  send(channel_of(text_in(question, "from")), to_text(out));
}

}  // namespace holdfast::control
