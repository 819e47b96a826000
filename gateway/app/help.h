#pragma once

#include <CLI/CLI.hpp>

namespace holdfast {

// Help that fits a screen of 80 columns and 24 lines: the program's is its commands, a command's is its options, one line each.
class ScreenHelp final : public CLI::Formatter {
 public:
  ScreenHelp();
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
};

}  // namespace holdfast
