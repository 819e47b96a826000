#include "gateway/config/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "gateway/base/text.h"
#include "gateway/config/yaml_tree.h"

namespace holdfast {
namespace {

// Where a byte stands that no text file has, or 0.
size_t line_of_control_character(std::string_view text) {
  size_t line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f) return line;
  }
  return 0;
}

// One byte more than is allowed, so that parse_config sees that it is too much. "" and a problem if it cannot be read.
std::string read_file(const std::string& path, ConfigProblems& problems) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    problems.add(path + ": is a folder, not a file");
    return {};
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    problems.add(path + ": cannot be read: " + std::strerror(errno));
    return {};
  }
  std::string text(ConfigLimits::kBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) problems.add(path + ": cannot be read: " + std::strerror(errno));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace

ConfigFile parse_config(std::string_view text, std::string name) {
  ConfigFile file;
  file.folder = std::filesystem::path(name).parent_path().string();
  file.name = std::move(name);
  if (text.size() > ConfigLimits::kBytes) {
    file.problems.add(file.name + ": larger than 1 MiB");
  } else if (const size_t line = line_of_control_character(text); line != 0) {
    file.problems.add(file.name + ":" + std::to_string(line) + ": control character; the file must be UTF-8 text");
  } else if (!valid_utf8(text)) {
    file.problems.add(file.name + ": not UTF-8 text");
  } else {
    file.root = read_yaml(text, file.name, file.problems);
  }
  return file;
}

ConfigFile read_config(const std::string& path) {
  ConfigProblems problems;
  const std::string text = read_file(path, problems);
  ConfigFile file = parse_config(problems.empty() ? text : "", path);
  if (!problems.empty()) file.problems = std::move(problems);
  return file;
}

std::string resolve_path(std::string_view folder, std::string_view path) {
  if (path.empty() || folder.empty()) return std::string(path);
  // An absolute path on the right side replaces the left one.
  return (std::filesystem::path(folder) / std::filesystem::path(path)).lexically_normal().string();
}

}  // namespace holdfast
