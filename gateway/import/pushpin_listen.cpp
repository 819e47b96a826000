#include "gateway/import/pushpin_listen.h"

#include <algorithm>
#include <optional>

#include "gateway/base/text.h"
#include "gateway/config/yaml_text.h"

namespace holdfast::importing {

namespace {

// "8080" or "ADDRESS:8080".
std::optional<std::string> address_of(std::string_view text) {
  const size_t colon = text.rfind(':');
  const auto port = parse_uint(colon == std::string_view::npos ? text : text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  return (colon == std::string_view::npos ? std::string("0.0.0.0") : std::string(text.substr(0, colon))) + ":" + std::to_string(*port);
}

class Listeners {
 public:
  Listeners(const PushpinSettings& settings, const ListFolder& list, Imported& out) : settings_(settings), list_(list), out_(out) {}

  std::string yaml() {
    for (const auto& port : settings_.list("runner/http_port")) plain(port);
    for (const auto& port : settings_.list("runner/https_ports")) secure(port);
    for (const auto& path : settings_.list("runner/local_ports")) local(path);
    if (!yaml_.empty()) return "listen:\n" + yaml_;
    out_.note(Note::Kind::lost, "runner.http_port", {}, "there is no port for clients: without listen: it is 127.0.0.1:7999");
    return {};
  }

 private:
  void lost(std::string_view key, std::string_view text) {
    const IniEntry* entry = settings_.find(std::string("runner/") + std::string(key));
    out_.note(Note::Kind::lost, "runner." + std::string(key), entry == nullptr ? "" : entry->where, text);
  }

  void add(const std::string& address, std::string_view from) {
    yaml_ += "  - address: " + yaml_text(address) + "  # runner." + std::string(from) + "\n";
  }

  void plain(const std::string& port) {
    if (const auto address = address_of(port)) return add(*address, "http_port");
    lost("http_port", "'" + port + "' is no port");
  }

  // Pushpin takes default_PORT for clients that name no host, and HOST for those that do.
  void secure(const std::string& port) {
    const auto address = address_of(port);
    if (!address) return lost("https_ports", "'" + port + "' is no port");
    const std::string folder = settings_.folder() + "runner/certs/";
    const std::string first = "default_" + address->substr(address->rfind(':') + 1);
    const auto files = list_(folder);
    std::vector<std::string> names;
    for (const auto& file : files) {
      if (!file.ends_with(".crt")) continue;
      const std::string name = file.substr(0, file.size() - 4);
      const bool of_other_port = name.starts_with("default_") && name != first;
      if (!of_other_port && std::find(files.begin(), files.end(), name + ".key") != files.end()) names.push_back(name);
    }
    std::sort(names.begin(), names.end(),
              [&](const auto& a, const auto& b) { return (a != first) < (b != first) || ((a != first) == (b != first) && a < b); });
    if (names.empty())
      return lost("https_ports", folder + " has no certificate with its key: add a listen entry with tls: for " + *address);
    add(*address, "https_ports");
    yaml_ += "    tls:\n";
    for (const auto& name : names)
      yaml_ += "      - {cert: " + yaml_text(folder + name + ".crt") + ", key: " + yaml_text(folder + name + ".key") + "}\n";
  }

  // "/path?mode=660&user=...&group=..."
  void local(const std::string& text) {
    const size_t question = text.find('?');
    add("unix:" + text.substr(0, question), "local_ports");
    if (question == std::string::npos) return;
    for (const std::string_view pair : split(std::string_view(text).substr(question + 1), '&')) {
      if (pair.starts_with("mode=")) {
        yaml_ += "    mode: " + yaml_text(pair.substr(5)) + "\n";
      } else if (pair.starts_with("user=") || pair.starts_with("group=")) {
        lost("local_ports",
             "the socket belongs to whom the node runs as, not to " + std::string(pair) + ": set User= and Group= of the systemd unit");
      }
    }
  }

  const PushpinSettings& settings_;
  const ListFolder& list_;
  Imported& out_;
  std::string yaml_;
};

}  // namespace

std::string listen_yaml(const PushpinSettings& settings, const ListFolder& list, Imported& out) {
  return Listeners(settings, list, out).yaml();
}

}  // namespace holdfast::importing
