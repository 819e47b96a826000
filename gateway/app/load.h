#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/app/serve.h"
#include "gateway/app/settings.h"
#include "gateway/config/loader.h"

namespace holdfast {

// A configuration as it was loaded. `settings` is only to be used when `problems` is empty.
struct Loaded {
  std::unique_ptr<Settings> settings = std::make_unique<Settings>();  // options are bound to it: it must not move
  OptionSet options;
  LoadedConfig config;
  std::vector<std::string> problems;

  Loaded() { declare_all(options, *settings); }
};
std::unique_ptr<Loaded> load(const ConfigSource& source);

// What is in `routes_file`, beside the routes of the configuration. Bad lines are named in `problems` and left out.
std::vector<Route> read_routes(const Settings& settings, std::vector<std::string>& problems);

}  // namespace holdfast
