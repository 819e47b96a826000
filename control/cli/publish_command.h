#pragma once

namespace CLI {
class App;
}

namespace holdfast::control {

// Adds `holdfast publish` to the program. When it was chosen, parsing runs it and sets `exit_code`:
// 0 published, 1 refused, 2 usage, 3 unreachable. Both must outlive the parsing.
void add_publish_command(CLI::App& app, int& exit_code);

}  // namespace holdfast::control
