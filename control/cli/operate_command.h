#pragma once

namespace CLI {
class App;
}

namespace holdfast::control {

// Adds what operators ask of all nodes: channels, connections, nodes, disconnect, refresh, drain. When one was chosen, parsing runs it and
// sets `exit_code` to an Exit. Both must outlive the parsing.
void add_operate_commands(CLI::App& app, int& exit_code);

}  // namespace holdfast::control
