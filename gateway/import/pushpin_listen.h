#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gateway/import/imported.h"
#include "gateway/import/pushpin_settings.h"

namespace holdfast::importing {

// Names of the files in a folder; none if it cannot be read.
using ListFolder = std::function<std::vector<std::string>(const std::string& folder)>;

// http_port, https_ports (with the certificates of runner/certs) and local_ports as the YAML of `listen:`.
std::string listen_yaml(const PushpinSettings& settings, const ListFolder& list, Imported& out);

}  // namespace holdfast::importing
