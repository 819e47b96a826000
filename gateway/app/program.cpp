#include "gateway/app/program.h"

#include <memory>

#include <CLI/CLI.hpp>

#include "control/cli/bench_command.h"
#include "control/cli/operate_command.h"
#include "control/cli/publish_command.h"
#include "control/cli/tail_command.h"
#include "gateway/app/completion.h"
#include "gateway/app/doctor_command.h"
#include "gateway/app/help.h"
#include "gateway/app/import_command.h"
#include "gateway/app/serve.h"

namespace holdfast {

namespace {

void add_config_options(CLI::App& command, ConfigSource& source, bool required) {
  auto* file = command.add_option("-c,--config", source.file, "Configuration (YAML); or HOLDFAST_CONFIG says")->type_name("FILE");
  file->envname("HOLDFAST_CONFIG");
  if (required) file->required();
  command.add_option("--set", source.assignments, "Override an option: edge.idle_timeout=30s")->type_name("KEY=VALUE");
}

// Everything that ends in a failure of the command line itself.
constexpr int kWrongUsage = 2;

}  // namespace

int run_program(int argc, char** argv) {
  CLI::App app{"Holds client connections open so that any web stack can do real-time.", "holdfast"};
  app.formatter(std::make_shared<ScreenHelp>());
  app.set_version_flag("--version", "holdfast " HOLDFAST_VERSION, "Print the version");
  app.footer("Start here: holdfast serve -c config/holdfast.yaml\n            holdfast publish hello 'Hello, world'");
  app.require_subcommand(1);

  int exit_code = 0;
  ConfigSource source;
  bool markdown = false, as_schema = false;

  auto* run = app.add_subcommand("serve", "Run a node");
  add_config_options(*run, source, true);
  std::string role;
  run->add_option("--role", role, "all, gateway (clients) or control (publishers)")->check(CLI::IsMember({"all", "gateway", "control"}));
  run->footer("Signals: SIGTERM drains and exits, SIGHUP reads files again.\nExit: 0 stopped as asked, 2 it could not start");
  run->callback([&] {
    if (!role.empty()) source.assignments.push_back("role=" + role);
    exit_code = serve(source);
  });

  auto* check = app.add_subcommand("check-config", "Check options, routes and certificates");
  add_config_options(*check, source, true);
  check->footer("Problems go to stderr, each with its file and line.\nExit: 0 good, 2 not");
  check->callback([&] { exit_code = check_config(source); });

  auto* print = app.add_subcommand("print-config", "Print what is in effect; secrets are hidden");
  add_config_options(*print, source, false);
  print->footer("Exit: 0 printed, 2 the configuration is wrong");
  print->callback([&] { exit_code = print_config(source); });

  auto* reference = app.add_subcommand("print-reference", "Print every option with its default and meaning");
  auto* as_table = reference->add_flag("--markdown", markdown, "As a table");
  reference->add_flag("--json-schema", as_schema, "As a JSON Schema of the configuration file")->excludes(as_table);
  reference->footer("Exit: 0 printed, 2 usage");
  reference->callback([&] {
    exit_code = print_reference(markdown ? ReferenceForm::markdown : as_schema ? ReferenceForm::json_schema : ReferenceForm::yaml);
  });

  control::add_publish_command(app, exit_code);
  control::add_tail_command(app, exit_code);
  control::add_operate_commands(app, exit_code);
  control::add_bench_command(app, exit_code);
  add_doctor_command(app, exit_code);
  add_import_command(app, exit_code);
  add_completion_command(app, exit_code);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  return exit_code;
}

}  // namespace holdfast
