#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::importing {

// "key=value" of an INI file as Qt's QSettings reads it, which is what Pushpin uses: unquoted commas part a list, quotes and backslash
// escapes are resolved, ';' ends a line wherever it isn't quoted, '#' only at its beginning.
struct IniEntry {
  std::string key;                  // "section/key"
  std::vector<std::string> values;  // one, but for lists
  std::string where;                // "pushpin.conf:12"
};

// In the order of the file. What isn't "key=value" is left out, as Qt does.
std::vector<IniEntry> parse_ini(std::string_view text, std::string_view file_name);

}  // namespace holdfast::importing
