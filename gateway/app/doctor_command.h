#pragma once

namespace CLI {
class App;
}

namespace holdfast {

// Adds `holdfast doctor`. When it was chosen, parsing runs it and sets `exit_code`: 0 nothing fails, 1 something does, 2 the
// configuration is wrong. Both must outlive the parsing.
void add_doctor_command(CLI::App& app, int& exit_code);

}  // namespace holdfast
