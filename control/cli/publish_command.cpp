#include "control/cli/publish_command.h"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "control/cli/publish_client.h"

namespace holdfast::control {
namespace {

// Names the arguments in the usage line only: the help has to fit a screen of 24 lines.
class ShortHelp final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string name) const override {
    return "Usage: " + name + " [OPTIONS] CHANNEL [TEXT]\n       " + name + " [OPTIONS] --file FILE\n";
  }
  std::string make_positionals(const CLI::App*) const override { return {}; }
};

}  // namespace

void add_publish_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<PublishArguments>();
  PublishArguments& a = *arguments;
  CLI::App* command = app.add_subcommand("publish", "Publish TEXT (- reads stdin) to CHANNEL");
  command->formatter(std::make_shared<ShortHelp>());
  command->add_option("CHANNEL", a.channel);
  command->add_option("TEXT", a.text);
  command->add_flag("--stream", a.stream, "Only as a piece of an HTTP stream");
  command->add_flag("--response", a.response, "Only as the answer to a long poll");
  command->add_flag("--ws", a.ws, "Only as a WebSocket message");
  command->add_flag("--close", a.close, "Close streams and WebSockets instead");
  command->add_flag("--hint", a.hint, "Have HTTP holds ask their backend instead");
  command->add_option("--code", a.code, "Status of the answer, or close code")->type_name("N");
  command->add_option("--id", a.id, "Id of this item in its channel")->type_name("ID");
  command->add_option("--prev-id", a.prev_id, "Id of the item before it")->type_name("ID");
  command->add_option("--meta", a.meta, "For filters, e.g. sender=42; repeatable")->type_name("K=V")->expected(1)->take_all();
  command->add_option("--file", a.file, "Publish the items of a JSON file")->type_name("FILE");
  add_door_options(*command, a.door);
  command->footer("Example: holdfast publish news 'hello'\nExit: 0 published, 1 refused, 2 usage, 3 unreachable");
  command->callback([arguments, &exit_code] { exit_code = static_cast<int>(publish(*arguments, std::cin, std::cout, std::cerr)); });
}

}  // namespace holdfast::control
