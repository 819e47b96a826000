#include "gateway/app/load_auth.h"

#include "gateway/config/config_file.h"
#include "gateway/config/node_reader.h"

namespace holdfast {
namespace {

constexpr int64_t kMostItems = 1'000'000;  // a second

// Relative to the configuration's folder; nothing stays nothing.
void path(NodeReader& reader, const std::string& folder, std::string_view key, std::string& value) {
  if (reader.text(key, value)) value = resolve_path(folder, value);
}

template <class Options>
void rights(NodeReader& reader, Options& o) {
  reader.texts("publish", o.publish);
  reader.texts("read", o.read);
  reader.boolean("operate", o.operate);
  reader.integer("rate", o.rate, 0, kMostItems);
  reader.integer("burst", o.burst, 0, kMostItems);
}

void read_caller(const ConfigNode& node, const std::string& folder, std::vector<control::CallerOptions>& callers,
                 ConfigProblems& problems) {
  control::CallerOptions o;
  o.where = node.where + ": " + node.path;
  NodeReader reader(node, problems);
  reader.text("name", o.name);
  reader.text("token", o.token);
  path(reader, folder, "token_file", o.token_file);
  reader.text("certificate", o.certificate);
  rights(reader, o);
  reader.require("name");
  reader.finish();
  callers.push_back(std::move(o));
}

void read_issuer(const ConfigNode& node, const std::string& folder, std::vector<control::IssuerOptions>& issuers,
                 ConfigProblems& problems) {
  control::IssuerOptions o;
  o.where = node.where + ": " + node.path;
  NodeReader reader(node, problems);
  reader.text("issuer", o.issuer);
  reader.text("audience", o.audience);
  reader.text("secret", o.secret);
  path(reader, folder, "key_file", o.key_file);
  path(reader, folder, "jwks_file", o.jwks_file);
  reader.duration("max_lifetime", o.max_lifetime);
  reader.duration("leeway", o.leeway);
  if (reader.text("default_rights", o.default_rights) && o.default_rights != "none" && o.default_rights != "publish" &&
      o.default_rights != "all")
    problems.add(node.find("default_rights")->problem("is one of: none, publish, all"));
  rights(reader, o);
  reader.finish();
  issuers.push_back(std::move(o));
}

}  // namespace

void read_auth(const LoadedConfig& config, control::AuthOptions& auth, ConfigProblems& problems) {
  if (const auto found = config.structures.find(kCallersKey); found != config.structures.end()) {
    for (const auto* node : element_maps(&found->second, problems)) read_caller(*node, config.folder, auth.callers, problems);
  }
  if (const auto found = config.structures.find(kIssuersKey); found != config.structures.end()) {
    for (const auto* node : element_maps(&found->second, problems)) read_issuer(*node, config.folder, auth.issuers, problems);
  }
}

}  // namespace holdfast
