#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace holdfast {

// A script that makes a shell complete this program's commands, options and values, read off the commands themselves: "bash", "zsh" or
// "fish". Empty: no such shell.
std::string completion_script(const CLI::App& app, std::string_view shell);

// Adds `holdfast completion SHELL`. `app` and `exit_code` must outlive the parsing.
void add_completion_command(CLI::App& app, int& exit_code);

}  // namespace holdfast
