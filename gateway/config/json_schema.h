#pragma once

#include <string>
#include <vector>

#include "gateway/base/options.h"

namespace holdfast {

// A structural key in the schema: its own schema, as JSON text, is made where the key is read.
struct StructureSchema {
  std::string key;     // "listen", "control.auth.callers"
  std::string schema;  // {"type": "array", ...}
};

// JSON Schema (2020-12) of a configuration file: for editors, and for charts that carry one. It knows keys, types, words, forms and the
// bounds of plain numbers. Bounds of "64KiB" and what options say about each other are left to check-config. The same declarations give the
// same bytes.
std::string json_schema(const OptionSet& set, const std::vector<StructureSchema>& structures);

}  // namespace holdfast
