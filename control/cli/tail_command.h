#pragma once

namespace CLI {
class App;
}

namespace holdfast::control {

// Adds `holdfast tail`: shows what is published to a channel, as it comes. When it was chosen, parsing runs it and sets `exit_code` to an
// Exit. Both must outlive the parsing.
void add_tail_command(CLI::App& app, int& exit_code);

}  // namespace holdfast::control
