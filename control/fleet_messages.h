#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/fleet.h"

namespace holdfast::control {

// What nodes say to each other: JSON, so that releases can differ. Own to fleet*.cpp.
using Json = nlohmann::json;

inline std::string channel_of_all() { return std::string(1, kReservedFirst) + "holdfast/nodes"; }
inline std::string channel_of(const std::string& node) { return std::string(1, kReservedFirst) + "holdfast/node/" + node; }

inline std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// What another node says may be anything.
inline std::string text_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}
inline int64_t number_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}
inline Json parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json::object();
}

inline std::vector<std::string> texts_in(const Json& json, const char* name) {
  std::vector<std::string> out;
  const auto list = json.find(name);
  if (list == json.end() || !list->is_array()) return out;
  for (const auto& text : *list) {
    if (text.is_string()) out.push_back(text.get<std::string>());
  }
  return out;
}

struct Fleet::Question {
  size_t wanted = 0;
  std::vector<std::string> answers;
  bool enough = false;
};

}  // namespace holdfast::control
