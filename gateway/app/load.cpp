#include "gateway/app/load.h"

#include <fstream>
#include <sstream>

#include "gateway/app/load_auth.h"
#include "gateway/config/config_file.h"
#include "gateway/config/node_reader.h"

namespace holdfast {

namespace {

// A map's scalars as they are, lists of scalars as repeated keys.
std::vector<std::pair<std::string, std::string>> fields_of(const ConfigNode& map, ConfigProblems& problems) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& child : map.children) {
    if (child.key == "targets" || child.key == "hold") continue;
    std::vector<std::string> values;
    if (!read_texts(child, values, problems)) continue;
    for (auto& value : values) out.emplace_back(child.key, std::move(value));
  }
  return out;
}

void read_route(const ConfigNode& node, std::vector<Route>& routes, ConfigProblems& problems) {
  RouteFields fields;
  fields.where = node.where;
  fields.match_and_options = fields_of(node, problems);
  for (const auto* target : element_maps(node.find("targets"), problems)) fields.targets.push_back(fields_of(*target, problems));
  if (const auto* hold = node.find("hold")) {
    if (!hold->is_map()) return problems.add(hold->problem("must be a map"));
    fields.hold = fields_of(*hold, problems);
  }
  auto route = make_route(fields);
  if (!route) return problems.add(route.error().text);
  routes.push_back(std::move(*route));
}

void read_listen(const ConfigNode& node, const std::string& folder, std::vector<ListenOptions>& listen, ConfigProblems& problems) {
  ListenOptions out;
  out.where = node.where;
  NodeReader reader(node, problems);
  reader.text("address", out.address);
  reader.text("mode", out.unix_mode);
  reader.require("address");
  for (const auto* certificate : element_maps(reader.list("tls"), problems)) {
    TlsServerCertificate files;
    NodeReader tls(*certificate, problems);
    tls.text("cert", files.cert_file);
    tls.text("key", files.key_file);
    tls.require("cert");
    tls.require("key");
    tls.finish();
    out.certificates.push_back({resolve_path(folder, files.cert_file), resolve_path(folder, files.key_file)});
  }
  reader.finish();
  listen.push_back(std::move(out));
}

}  // namespace

std::unique_ptr<Loaded> load(const ConfigSource& source) {
  auto out = std::make_unique<Loaded>();
  out->config =
      load_config({source.file, process_environment(), source.assignments}, {"listen", "routes", kCallersKey, kIssuersKey}, out->options);
  ConfigProblems problems;
  auto& structures = out->config.structures;
  if (auto found = structures.find("listen"); found != structures.end()) {
    for (const auto* node : element_maps(&found->second, problems)) read_listen(*node, out->config.folder, out->settings->listen, problems);
  } else {
    out->settings->listen.push_back({"127.0.0.1:7999", {}, "", ""});
  }
  if (auto found = structures.find("routes"); found != structures.end()) {
    for (const auto* node : element_maps(&found->second, problems)) read_route(*node, out->settings->routes, problems);
  }
  read_auth(out->config, out->settings->auth, problems);
  out->problems = out->config.problems;
  const auto more = problems.texts();
  out->problems.insert(out->problems.end(), more.begin(), more.end());
  return out;
}

std::vector<Route> read_routes(const Settings& settings, std::vector<std::string>& problems) {
  std::vector<Route> routes = settings.routes;
  if (settings.node.routes_file.empty()) return routes;
  std::ifstream file(settings.node.routes_file, std::ios::binary);
  if (!file) {
    problems.push_back(settings.node.routes_file + ": cannot be read");
    return routes;
  }
  std::ostringstream text;
  text << file.rdbuf();
  const size_t slash = settings.node.routes_file.rfind('/');
  auto more = parse_routes_file(text.str(), settings.node.routes_file.substr(slash + 1), problems);
  std::move(more.begin(), more.end(), std::back_inserter(routes));
  return routes;
}

}  // namespace holdfast
