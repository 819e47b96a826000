#include "gateway/app/import_command.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "gateway/app/serve.h"
#include "gateway/app/settings.h"
#include "gateway/import/import_pushpin.h"

namespace holdfast {

namespace {

using importing::Imported;
using importing::Note;

constexpr int kAllCarried = 0;
constexpr int kLeftToDo = 1;
constexpr int kNothingWritten = 2;

struct Arguments {
  importing::PushpinSource source;
  std::string output;
  bool force = false;
  bool json = false;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || std::filesystem::is_directory(path)) return fail(ErrorKind::not_found, path + ": cannot be read");
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> list_folder(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) out.push_back(entry.path().filename().string());
  return out;
}

std::string absolute(const std::string& path) { return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string(); }

// Readable for whom pushpin.conf was: both hold the signing key.
Result<void> write_file(const Arguments& a, const std::string& text) {
  struct stat source{};
  const mode_t mode = ::stat(a.source.config.c_str(), &source) == 0 ? source.st_mode & 0666 : 0600;
  const int fd = ::open(a.output.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (a.force ? O_TRUNC : O_EXCL), mode);
  const auto complain = [&] { return fail(ErrorKind::unavailable, a.output + ": " + std::strerror(errno)); };
  if (fd < 0 && errno == EEXIST) return invalid(a.output + " is there already; --force writes over it");
  if (fd < 0) return complain();
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count < 0) {
      ::close(fd);
      return complain();
    }
    done += static_cast<size_t>(count);
  }
  if (::close(fd) != 0) return complain();
  return {};
}

nlohmann::json report(const Arguments& a, const Imported& imported, size_t routes) {
  using nlohmann::json;
  json carried = json::array();
  json notes = json::array();
  for (const auto& [option, from] : imported.carried())
    carried.push_back({{"option", option}, {"from", from.from.empty() ? json(nullptr) : json(from.from)}});
  for (const Note& note : imported.notes())
    notes.push_back({{"kind", importing::to_string(note.kind)}, {"what", note.what}, {"where", note.where}, {"text", note.text}});
  return {{"output", a.output}, {"routes", routes}, {"carried", carried}, {"notes", notes}};
}

void tell(const std::vector<Note>& notes) {
  for (const Note::Kind kind : {Note::Kind::lost, Note::Kind::warning, Note::Kind::replaced}) {
    for (const Note& note : notes) {
      if (note.kind != kind) continue;
      const std::string where = note.where.empty() ? "" : " (" + note.where + ")";
      std::fprintf(stderr, "%-9s %s%s: %s\n", importing::to_string(kind), note.what.c_str(), where.c_str(), note.text.c_str());
    }
  }
}

int complain(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  return kNothingWritten;
}

int import_pushpin(Arguments a) {
  if (a.json && a.output.empty()) return complain("--json needs --output: the report goes to standard output");
  a.source.config = absolute(a.source.config);
  a.source.routes = absolute(a.source.routes);
  Settings settings;
  OptionSet options;
  declare_all(options, settings);
  Imported imported(options);
  const auto made = importing::import_pushpin(a.source, read_file, list_folder, imported);
  if (!made) return complain(made.error().text);
  if (a.output.empty()) {
    std::fputs(made->yaml.c_str(), stdout);
  } else if (auto written = write_file(a, made->yaml); !written) {
    return complain(written.error().text);
  }
  if (a.json) {
    std::printf("%s\n", report(a, imported, made->routes).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    tell(imported.notes());
  }
  const auto& notes = imported.notes();
  const auto lost = std::count_if(notes.begin(), notes.end(), [](const Note& note) { return note.kind == Note::Kind::lost; });
  if (!a.output.empty() && !a.json)
    std::fprintf(stderr, "%s: %zu options and %zu routes; %td to do by hand\n", a.output.c_str(), imported.carried().size(), made->routes,
                 lost);
  return lost > 0 ? kLeftToDo : kAllCarried;
}

}  // namespace

void add_import_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  Arguments& a = *arguments;
  CLI::App* command = app.add_subcommand("import-pushpin", "Turn pushpin.conf and routes into YAML");
  command->add_option("-c,--config", a.source.config, "Pushpin's configuration")->type_name("FILE")->required();
  command->add_option("--routes", a.source.routes, "Its routes (default: as it says)")->type_name("FILE");
  command->add_flag("--keep-routes", a.source.keep_routes, "Go on reading the routes file");
  command->add_option("-o,--output", a.output, "Where to write (default: standard output)")->type_name("FILE");
  command->add_flag("--force", a.force, "Write over what is there");
  command->add_flag("--json", a.json, "Report as JSON, on standard output");
  command->footer(
      "Example: holdfast import-pushpin -c /etc/pushpin/pushpin.conf -o holdfast.yaml\n"
      "Exit: 0 all carried, 1 something is left to do (see stderr), 2 nothing written");
  command->callback([arguments, &exit_code] { exit_code = import_pushpin(*arguments); });
}

}  // namespace holdfast
