#include "gateway/app/help.h"

namespace holdfast {

namespace {

constexpr size_t kOptionColumn = 26;
constexpr size_t kCommandColumn = 20;

std::string command_line(const CLI::App& command) {
  std::string line = "  " + command.get_name();
  line.resize(std::max(line.size() + 1, kCommandColumn), ' ');
  return line + command.get_description() + "\n";
}

}  // namespace

ScreenHelp::ScreenHelp() { column_width(kOptionColumn); }

std::string ScreenHelp::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  if (app->get_parent() != nullptr) return CLI::Formatter::make_help(app, name, mode);
  std::string out = app->get_description() + "\n\nUsage: " + name + " COMMAND [OPTIONS]    (" + name + " COMMAND --help says more)\n\n";
  for (const CLI::App* command : app->get_subcommands({})) out += command_line(*command);
  return out + "\n" + app->get_footer() + "\n";
}

// CLI11 names the whole program again for each command.
std::string ScreenHelp::make_usage(const CLI::App* app, std::string name) const {
  std::string out = "Usage: " + name + " [OPTIONS]";
  for (const CLI::Option* option : app->get_options()) {
    if (option->get_positional()) out += " " + option->get_name(true);
  }
  return out + "\n";
}

// What CLI11 adds (defaults, environment, choices) stands in the sentence where it matters.
std::string ScreenHelp::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0) return {};
  const std::string type = option->get_type_name();
  return " " + type.substr(0, type.find(':'));
}

}  // namespace holdfast
