#pragma once

namespace CLI {
class App;
}

namespace holdfast {

// Adds `holdfast import-pushpin`. When it was chosen, parsing runs it and sets `exit_code`: 0 all carried, 1 written but something is left
// to do by hand, 2 nothing written. Both must outlive the parsing.
void add_import_command(CLI::App& app, int& exit_code);

}  // namespace holdfast
