#pragma once

#include <string>
#include <vector>

#include "gateway/base/options.h"
#include "gateway/base/result.h"
#include "gateway/import/imported.h"
#include "gateway/import/pushpin_listen.h"
#include "gateway/import/pushpin_settings.h"

namespace holdfast::importing {

struct PushpinSource {
  std::string config;        // path of pushpin.conf
  std::string routes;        // path of the routes file; empty: what the configuration says
  bool keep_routes = false;  // names the routes file in the YAML instead of copying its routes
};

struct ImportedConfig {
  std::string yaml;
  size_t routes = 0;
};

// Turns Pushpin's configuration into Holdfast's: a node that runs with it answers as Pushpin did, but for what `out` has as lost.
// Threads: any. Errors: not_found, naming the file that cannot be read.
Result<ImportedConfig> import_pushpin(const PushpinSource& source, const ReadFile& read, const ListFolder& list, Imported& out);

}  // namespace holdfast::importing
