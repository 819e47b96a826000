#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "gateway/base/options.h"
#include "gateway/config/loader.h"

namespace holdfast::test {

// A declaration with every type of option, at the top and in nested sections.
struct SampleOptions {
  std::string log_level = "info";
  std::string cert;
  uint64_t max_head = 16384;
  Duration idle_timeout{75000};
  int64_t connections = 100;
  bool strict = true;
  std::string address = "127.0.0.1:5561";
  std::vector<std::string> tokens;
  std::vector<std::string> origins = {"a.example", "b|c"};

  bool operator==(const SampleOptions&) const = default;
};

inline void declare(OptionSet& set, SampleOptions& o) {
  set.choice("log_level", o.log_level, {"debug", "info", "warn"}, "What is logged.").reload();
  {
    const OptionSet::Section section(set, "edge");
    set.path("cert", o.cert, "Certificate file.");
    set.size("max_head", o.max_head, "Largest request line and header block.").range(1024, 65536);
    set.duration("idle_timeout", o.idle_timeout, "Closes a kept-alive connection without a request.").range(1000, 3'600'000).reload();
    set.integer("connections", o.connections, "Most connections.").range(1, 1000).unit("of one loop").reload();
    set.boolean("strict", o.strict, "Refuses doubtful requests.");
  }
  const OptionSet::Section section(set, "control.http");
  set.text("address", o.address, "Where publishers | scripts POST items.");
  set.text_list("tokens", o.tokens, "Bearer tokens.").secret().reload();
  set.text_list("origins", o.origins, "Allowed origins.");
}

// Options and the set bound to them.
struct Sample {
  Sample() { declare(set, options); }
  SampleOptions options;
  OptionSet set;
};

inline const StructuralKeys kStructuralKeys = {"listen", "routes"};

// A folder that is gone when the test ends.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-config-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view text) const {
    const std::string file = path_ + "/" + name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

 private:
  std::string path_;
};

}  // namespace holdfast::test
