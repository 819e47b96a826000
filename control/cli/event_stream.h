#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace holdfast::control {

// Server-sent events as they come in pieces (html.spec.whatwg.org, "event stream interpretation"); lines end in LF.
class EventStream {
 public:
  struct Event {
    std::string type, data, id;  // id: the newest that was said
  };
  // `take`: false: enough.
  explicit EventStream(std::function<bool(const Event&)> take) : take_(std::move(take)) {}

  bool feed(std::string_view piece) {
    rest_.append(piece);
    size_t begin = 0;
    for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (!line(std::string_view(rest_).substr(begin, end - begin))) return false;
    }
    rest_.erase(0, begin);
    return true;
  }

 private:
  bool line(std::string_view text) {
    if (text.empty()) {
      const bool go_on = event_.data.empty() && event_.type.empty() ? true : take_(event_);
      event_ = {{}, {}, event_.id};
      return go_on;
    }
    const size_t colon = text.find(':');
    const auto field = text.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") event_.type = value;
    if (field == "id") event_.id = value;
    if (field == "data") event_.data.append(event_.data.empty() ? "" : "\n").append(value);
    return true;
  }

  std::function<bool(const Event&)> take_;
  std::string rest_;
  Event event_;
};

}  // namespace holdfast::control
