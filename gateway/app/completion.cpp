#include "gateway/app/completion.h"

#include <cstdio>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

constexpr const char* kShells[] = {"bash", "zsh", "fish"};

// What completion has to know of an option or an argument.
struct Word {
  std::vector<std::string> names;  // "-c", "--config"; none for an argument
  std::string help;
  bool takes_value = false;
  bool is_file = false;
  std::vector<std::string> choices;
};

struct Command {
  std::string name;
  std::string help;
  std::vector<Word> words;
};

// CLI11 keeps the choices of an option only in the name of its type: "TEXT:{all,gateway}".
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> out;
  const size_t open = type.find('{');
  const size_t close = type.find('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return out;
  for (const std::string_view one : split(std::string_view(type).substr(open + 1, close - open - 1), ',')) out.emplace_back(one);
  return out;
}

Word word_of(const CLI::Option& option) {
  Word out;
  for (const auto& name : option.get_snames()) out.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) out.names.push_back("--" + name);
  const std::string type = option.get_type_name();
  out.help = option.get_description();
  out.takes_value = option.get_type_size() != 0;
  out.is_file = type.starts_with("FILE");
  out.choices = choices_of(type);
  return out;
}

Command command_of(const CLI::App& app) {
  Command out{app.get_name(), app.get_description(), {}};
  for (const CLI::Option* option : app.get_options()) out.words.push_back(word_of(*option));
  return out;
}

std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> out;
  for (const CLI::App* command : app.get_subcommands({})) out.push_back(command_of(*command));
  return out;
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const auto& word : words) out.append(out.empty() ? "" : between).append(word);
  return out;
}

// Inside single quotes of a shell.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// ---- bash

std::string bash_value(const Command& command, const Word& word) {
  std::vector<std::string> patterns;
  for (const auto& name : word.names) patterns.push_back(shell_quoted(command.name + " " + name));
  std::string out = "    " + joined(patterns, "|") + ") ";
  if (word.is_file) {
    out += "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$current\"))";
  } else if (!word.choices.empty()) {
    out += "COMPREPLY=($(compgen -W " + shell_quoted(joined(word.choices, " ")) + " -- \"$current\"))";
  } else {
    out += "COMPREPLY=()";  // only who types knows
  }
  return out + "; return ;;\n";
}

std::string bash_words(const Command& command) {
  std::vector<std::string> words;
  for (const auto& word : command.words) {
    words.insert(words.end(), word.names.begin(), word.names.end());
    if (word.names.empty()) words.insert(words.end(), word.choices.begin(), word.choices.end());
  }
  return joined(words, " ");
}

std::string bash_script(const CLI::App& app, const std::vector<Command>& commands) {
  const Command top = command_of(app);
  std::string names;
  std::string values;
  std::string words;
  for (const auto& command : commands) {
    names += command.name + " ";
    for (const auto& word : command.words) {
      if (word.takes_value && !word.names.empty()) values += bash_value(command, word);
    }
    words += "    " + shell_quoted(command.name) + ") words=" + shell_quoted(bash_words(command)) + " ;;\n";
  }
  return "_" + top.name +
         "() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= words= i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }\n"
         "  done\n"
         "  case \"$command $before\" in\n" +
         values +
         "  esac\n"
         "  case $command in\n"
         "    '') words=" +
         shell_quoted(names + bash_words(top)) + " ;;\n" + words +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -F _" +
         top.name + " " + top.name + "\n";
}

// ---- zsh

// A description in an _arguments specification: its brackets and colons are the syntax's.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_action(const Word& word) {
  if (word.is_file) return "_files";
  return word.choices.empty() ? " " : "(" + joined(word.choices, " ") + ")";
}

std::string zsh_arguments(const Command& command) {
  std::string out;
  for (const auto& word : command.words) {
    if (word.names.empty()) {
      out += " " + shell_quoted(":" + zsh_text(word.help) + ":" + zsh_action(word));
      continue;
    }
    for (const auto& name : word.names) {
      std::string spec = "*" + name;
      spec.append("[").append(zsh_text(word.help)).append("]");
      if (word.takes_value) spec.append(":value:").append(zsh_action(word));
      out.append(" ").append(shell_quoted(spec));
    }
  }
  return out;
}

std::string zsh_script(const CLI::App& app, const std::vector<Command>& commands) {
  const Command top = command_of(app);
  std::string names;
  std::string cases;
  for (const auto& command : commands) {
    names += " " + shell_quoted(command.name + ":" + zsh_text(command.help));
    cases += "    " + command.name + ") _arguments" + zsh_arguments(command) + " ;;\n";
  }
  return "#compdef " + top.name +
         "\n"
         "_" +
         top.name +
         "() {\n"
         "  local -a commands=(" +
         names +
         ")\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    _arguments" +
         zsh_arguments(top) +
         "\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  ((CURRENT--))\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "}\n"
         "if [[ $funcstack[1] == _" +
         top.name + " ]]; then _" + top.name + " \"$@\"; else compdef _" + top.name + " " + top.name + "; fi\n";
}

// ---- fish

std::string fish_word(const std::string& condition, const std::string& program, const Word& word) {
  std::string out = "complete -c " + program + " -n " + shell_quoted(condition);
  for (const auto& name : word.names) out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (word.is_file) out += " -r -F";
  if (word.takes_value && !word.is_file && !word.names.empty()) out += " -x";
  if (!word.choices.empty()) out += " -a " + shell_quoted(joined(word.choices, " "));
  if (word.names.empty() && word.choices.empty()) return {};
  return out + " -d " + shell_quoted(word.help) + "\n";
}

std::string fish_script(const CLI::App& app, const std::vector<Command>& commands) {
  const Command top = command_of(app);
  const std::string first = "__fish_use_subcommand";
  std::string out = "complete -c " + top.name + " -f\n";
  for (const auto& word : top.words) out += fish_word(first, top.name, word);
  for (const auto& command : commands) {
    out += "complete -c " + top.name + " -n " + first + " -a " + command.name + " -d " + shell_quoted(command.help) + "\n";
    for (const auto& word : command.words) out += fish_word("__fish_seen_subcommand_from " + command.name, top.name, word);
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
  const auto commands = commands_of(app);
  if (shell == "bash") return bash_script(app, commands);
  if (shell == "zsh") return zsh_script(app, commands);
  if (shell == "fish") return fish_script(app, commands);
  return {};
}

void add_completion_command(CLI::App& app, int& exit_code) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a script with which a shell completes commands");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kShells), std::end(kShells))));
  command->footer(
      "bash: source <(holdfast completion bash)         in ~/.bashrc\n"
      "zsh:  source <(holdfast completion zsh)          in ~/.zshrc, after compinit\n"
      "fish: holdfast completion fish | source          in ~/.config/fish/config.fish\n"
      "Exit: 0 printed, 2 usage");
  command->callback([&app, shell, &exit_code] {
    std::fputs(completion_script(app, *shell).c_str(), stdout);
    exit_code = 0;
  });
}

}  // namespace holdfast
