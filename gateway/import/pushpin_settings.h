#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/import/ini_file.h"

namespace holdfast::importing {

// Reads a file. Errors: not_found. Given from outside, so that this folder does no I/O of its own.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

// A pushpin.conf and the file that it includes. Keys are "section/key". {libdir}, {rundir} and {ipc_prefix} are resolved and port_offset
// is added to tcp:// addresses, as Pushpin does.
class PushpinSettings {
 public:
  // Errors: not_found (the file itself; an include that is missing is named by missing_include()).
  static Result<PushpinSettings> load(const std::string& path, const ReadFile& read);

  // Null: neither file has it. The main file wins.
  const IniEntry* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // Those of the main file, in its order; of one that is given twice the last, which is the one that counts.
  std::vector<const IniEntry*> main_entries() const;

  std::string text(std::string_view key, std::string_view otherwise = {}) const;
  std::vector<std::string> list(std::string_view key) const;  // without empty ones
  // Anything but "", 0 and false is true: so Qt reads it.
  bool flag(std::string_view key) const;
  std::optional<int64_t> number(std::string_view key) const;  // absent, or not a number

  int64_t port_offset() const { return port_offset_; }
  const std::string& folder() const { return folder_; }                    // of the main file, with '/' at its end; "" for the current one
  const std::string& missing_include() const { return missing_include_; }  // "": none

 private:
  std::string resolve(std::string text) const;

  std::vector<IniEntry> main_;
  std::map<std::string, size_t, std::less<>> main_index_;
  std::map<std::string, IniEntry, std::less<>> included_;
  std::string folder_, libdir_, rundir_, ipc_prefix_;
  std::string missing_include_;
  int64_t port_offset_ = 0;
};

}  // namespace holdfast::importing
