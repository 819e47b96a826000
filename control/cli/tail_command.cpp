#include "control/cli/tail_command.h"

#include <iostream>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "control/cli/control_client.h"
#include "control/cli/event_stream.h"

namespace holdfast::control {

namespace {

using Json = nlohmann::json;

struct Arguments {
  DoorArguments door;
  std::string channel, since;
  size_t count = 0;  // 0: without end
};

// A piece of content for a terminal: one line, without what would steer it.
std::string one_line(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// The first of an item's shapes; they mostly say the same.
std::string content_of(const Json& item) {
  for (const auto& [format, text] : {std::pair("httpStream", "content"), {"wsMessage", "content"}, {"httpResponse", "body"}}) {
    const auto found = item.find(format);
    if (found == item.end() || !found->is_object()) continue;
    if (const auto content = found->find(text); content != found->end() && content->is_string())
      return one_line(content->get<std::string>());
    if (const auto binary = found->find(std::string(text) + "Bin"); binary != found->end() && binary->is_string())
      return "(base64) " + binary->get<std::string>();
    return "(" + found->value("action", std::string("no content")) + ")";
  }
  return "(nothing)";
}

class Tail {
 public:
  explicit Tail(const Arguments& arguments) : arguments_(arguments), position_(arguments.since) {}

  // Goes on from where it stands when the connection ends, until it has what was asked for.
  Exit run() {
    const Complaint complaint("tail", arguments_.door.json, std::cout, std::cerr);
    for (bool first = true;; first = false) {
      auto client = ControlClient::open(arguments_.door, std::cin);
      if (!client) return complaint.usage(client.error().text);
      EventStream events([this](const EventStream::Event& event) { return show(event); });
      const std::string query = position_.empty() ? "" : "?since=" + percent_encoded(position_);
      const auto answer = client->stream("/v1/channels/" + percent_encoded(arguments_.channel) + "/items" + query,
                                         [&](std::string_view piece) { return events.feed(piece); });
      if (enough()) return Exit::good;
      if (answer && answer->status != 200) return complaint.refused(*client, *answer);
      if (!answer && first) return complaint.unreachable(*client, answer.error());
      if (!arguments_.door.json) std::cerr << "-- the connection ended; trying again\n";
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }

 private:
  bool enough() const { return arguments_.count > 0 && shown_ >= arguments_.count; }

  bool show(const EventStream::Event& event) {
    if (!event.id.empty()) position_ = event.id;
    auto json = Json::parse(event.data, nullptr, false);
    if (!json.is_object()) json = Json::object();
    const bool is_item = event.type.empty() || event.type == "item";
    if (arguments_.door.json) {
      json["event"] = is_item ? "item" : event.type;
      std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    } else if (is_item) {
      const auto item = json.find("item");
      const std::string published = json.value("published", std::string());
      std::cout << (published.size() >= 19 ? published.substr(11, 8) + "  " : "") << content_of(item != json.end() ? *item : json)
                << std::endl;
    } else if (event.type == "live") {
      std::cerr << "-- listening to " << one_line(arguments_.channel) << "\n";
    } else {
      std::cerr << "-- " << one_line(event.type) << ": " << one_line(json.value("reason", std::string())) << "\n";
    }
    if (is_item) ++shown_;
    return !enough();
  }

  const Arguments& arguments_;
  std::string position_;
  size_t shown_ = 0;
};

}  // namespace

void add_tail_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("tail", "Show what is published to a channel, as it comes");
  command->add_option("CHANNEL", arguments->channel)->required();
  command->add_option("--since", arguments->since, "From behind this position, if it is still kept")->type_name("POSITION");
  command->add_option("-n,--count", arguments->count, "End after so many items")->type_name("N");
  add_door_options(*command, arguments->door);
  command->footer("Example: holdfast tail news\nExit: 0 done, 1 refused, 2 usage, 3 unreachable");
  command->callback([arguments, &exit_code] { exit_code = static_cast<int>(Tail(*arguments).run()); });
}

}  // namespace holdfast::control
