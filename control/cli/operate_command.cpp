#include "control/cli/operate_command.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "control/cli/control_client.h"
#include "control/cli/table.h"

namespace holdfast::control {

namespace {

using Json = nlohmann::json;

struct Arguments {
  DoorArguments door;
  std::string name;  // prefix, channel, connection or node
  std::string kind;
  size_t limit = 100;
};

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

// What comes from strangers must not steer a terminal.
std::string shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string uptime(const Json& node) {
  const auto seconds = node.value("uptimeSeconds", int64_t{0});
  if (seconds >= 86400) return std::to_string(seconds / 86400) + "d " + std::to_string(seconds % 86400 / 3600) + "h";
  if (seconds >= 3600) return std::to_string(seconds / 3600) + "h " + std::to_string(seconds % 3600 / 60) + "m";
  if (seconds >= 60) return std::to_string(seconds / 60) + "m " + std::to_string(seconds % 60) + "s";
  return std::to_string(seconds) + "s";
}

const Json& list_in(const Json& answer, const char* name) {
  static const Json kNone = Json::array();
  const auto found = answer.find(name);
  return found != answer.end() && found->is_array() ? *found : kNone;
}

void show_nodes(const Json& answer, std::ostream& out) {
  Table table({{"NODE"}, {"HOST"}, {"ROLE"}, {"VERSION"}, {"CONNECTIONS", true}, {"CHANNELS", true}, {"UP", true}});
  for (const auto& node : list_in(answer, "nodes"))
    table.add({shown(text_of(node, "id")), shown(text_of(node, "host")), shown(text_of(node, "role")), shown(text_of(node, "version")),
               text_of(node, "connections"), text_of(node, "channels"), uptime(node)});
  table.print(out);
}

void show_channels(const Json& answer, std::ostream& out) {
  Table table({{"CHANNEL"}, {"LISTENERS", true}, {"RESPONSE", true}, {"STREAM", true}, {"WEBSOCKET", true}});
  for (const auto& channel : list_in(answer, "channels"))
    table.add({shown(text_of(channel, "channel")), text_of(channel, "listeners"), text_of(channel, "response"), text_of(channel, "stream"),
               text_of(channel, "websocket")});
  table.print(out);
}

void show_connections(const Json& answer, std::ostream& out) {
  Table table({{"CONNECTION"}, {"NODE"}, {"KIND"}, {"PEER"}, {"CHANNELS"}});
  for (const auto& connection : list_in(answer, "connections")) {
    std::string channels;
    for (const auto& channel : list_in(connection, "channels")) {
      if (channel.is_string()) channels += (channels.empty() ? "" : " ") + channel.get<std::string>();
    }
    table.add({shown(text_of(connection, "id")), shown(text_of(connection, "node")), shown(text_of(connection, "kind")),
               shown(text_of(connection, "peer")), shown(channels)});
  }
  table.print(out);
}

// A node that was asked and did not answer makes a list shorter than it should be.
void warn_of_silent(const std::string& command, const Json& answer, std::ostream& err) {
  const auto found = answer.find("nodes");
  if (found == answer.end() || !found->is_object()) return;
  const auto asked = found->value("asked", int64_t{0}), answered = found->value("answered", int64_t{0});
  if (answered < asked) err << "holdfast " << command << ": " << asked - answered << " of " << asked << " nodes did not answer\n";
}

using Show = void (*)(const Json&, std::ostream&);

// Asks, and shows what comes: as it is, or as a table.
Exit ask(const std::string& command, const DoorArguments& door, const std::string& path, Show show) {
  const Complaint complaint(command, door.json, std::cout, std::cerr);
  auto client = ControlClient::open(door, std::cin);
  if (!client) return complaint.usage(client.error().text);
  const auto answer = client->get(path);
  if (!answer) return complaint.unreachable(*client, answer.error());
  const auto json = Json::parse(answer->body, nullptr, false);
  if (answer->status != 200 || !json.is_object()) return complaint.refused(*client, *answer);
  warn_of_silent(command, json, std::cerr);
  if (door.json)
    std::cout << answer->body;
  else
    show(json, std::cout);
  return Exit::good;
}

Exit tell(const std::string& command, const DoorArguments& door, const std::string& path, const std::string& done) {
  const Complaint complaint(command, door.json, std::cout, std::cerr);
  auto client = ControlClient::open(door, std::cin);
  if (!client) return complaint.usage(client.error().text);
  const auto answer = client->post(path, "");
  if (!answer) return complaint.unreachable(*client, answer.error());
  if (answer->status != 200) return complaint.refused(*client, *answer);
  if (door.json)
    std::cout << answer->body;
  else
    std::cout << done << "\n";
  return Exit::good;
}

constexpr const char* kExits = "\nExit: 0 done, 1 refused, 2 usage, 3 unreachable";

class Commands {
 public:
  Commands(CLI::App& app, int& exit_code) : app_(app), exit_code_(exit_code) {}

  template <class Run>
  CLI::App* add(const char* name, const char* help, const char* example, const std::shared_ptr<Arguments>& arguments, Run run) {
    CLI::App* command = app_.add_subcommand(name, help);
    add_door_options(*command, arguments->door);
    command->footer(std::string("Example: holdfast ") + example + kExits);
    command->callback([arguments, run, &exit_code = exit_code_] { exit_code = static_cast<int>(run(*arguments)); });
    return command;
  }

 private:
  CLI::App& app_;
  int& exit_code_;
};

void add_lists(Commands& commands) {
  auto arguments = std::make_shared<Arguments>();
  commands.add("nodes", "List the nodes of the cluster", "nodes", arguments,
               [](const Arguments& a) { return ask("nodes", a.door, "/v1/nodes", show_nodes); });

  arguments = std::make_shared<Arguments>();
  auto* command =
      commands.add("channels", "List channels and how many listen, on all nodes", "channels room-", arguments, [](const Arguments& a) {
        return ask("channels", a.door, "/v1/channels?limit=" + std::to_string(a.limit) + "&prefix=" + percent_encoded(a.name),
                   show_channels);
      });
  command->add_option("PREFIX", arguments->name, "Only channels whose names begin so");
  command->add_option("--limit", arguments->limit, "At most so many (default 100)")->type_name("N")->check(CLI::Range(1, 10000));

  arguments = std::make_shared<Arguments>();
  command =
      commands.add("connections", "List held connections, on all nodes", "connections --channel news", arguments, [](const Arguments& a) {
        return ask(
            "connections", a.door,
            "/v1/connections?limit=" + std::to_string(a.limit) + "&channel=" + percent_encoded(a.name) + "&kind=" + percent_encoded(a.kind),
            show_connections);
      });
  command->add_option("--channel", arguments->name, "Only those that listen to it")->type_name("CHANNEL");
  command->add_option("--kind", arguments->kind, "response, stream or websocket")
      ->type_name("KIND")
      ->check(CLI::IsMember({"response", "stream", "websocket"}));
  command->add_option("--limit", arguments->limit, "At most so many (default 100)")->type_name("N")->check(CLI::Range(1, 10000));
}

void add_orders(Commands& commands) {
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      commands.add("disconnect", "End a held connection, on whichever node it is", "disconnect ID", arguments, [](const Arguments& a) {
        return tell("disconnect", a.door, "/v1/connections/" + percent_encoded(a.name) + "/disconnect", "disconnected " + a.name);
      });
  command->add_option("CONNECTION", arguments->name, "Its id, as connections shows it")->required();

  arguments = std::make_shared<Arguments>();
  command = commands.add("refresh", "Have a WebSocket's backend over HTTP be asked", "refresh ID", arguments, [](const Arguments& a) {
    return tell("refresh", a.door, "/v1/connections/" + percent_encoded(a.name) + "/refresh", "refreshed " + a.name);
  });
  command->add_option("CONNECTION", arguments->name, "Its id, as connections shows it")->required();

  arguments = std::make_shared<Arguments>();
  command = commands.add(
      "drain", "Have a node end its connections evenly, and exit", "drain 5f2c9a10d3b7e481", arguments,
      [](const Arguments& a) { return tell("drain", a.door, "/v1/nodes/" + percent_encoded(a.name) + "/drain", a.name + " drains"); });
  command->add_option("NODE", arguments->name, "Its id, as nodes shows it")->required();
}

}  // namespace

void add_operate_commands(CLI::App& app, int& exit_code) {
  Commands commands(app, exit_code);
  add_lists(commands);
  add_orders(commands);
}

}  // namespace holdfast::control
