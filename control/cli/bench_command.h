#pragma once

namespace CLI {
class App;
}

namespace holdfast::control {

// Adds `holdfast bench`: holds streams at a node, publishes to them and says how many deliveries a second came and how late they were. When
// it was chosen, parsing runs it and sets `exit_code` to an Exit. Both must outlive the parsing.
void add_bench_command(CLI::App& app, int& exit_code);

}  // namespace holdfast::control
