#pragma once

#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace holdfast {

// Notices that files changed, by looking: size, time, and which file it is (editors and Kubernetes replace them). Threads: one.
class FileWatch {
 public:
  explicit FileWatch(std::vector<std::string> paths) : paths_(std::move(paths)) { changed(); }

  // Whether any is different from the last look.
  bool changed() {
    std::vector<Seen> now;
    for (const auto& path : paths_) {
      struct stat info{};
      if (::stat(path.c_str(), &info) != 0) info = {};
      now.push_back({info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec});
    }
    return std::exchange(seen_, now) != now;
  }

 private:
  struct Seen {
    ino_t file;
    off_t size;
    time_t seconds;
    long nanoseconds;
    bool operator==(const Seen&) const = default;
  };
  std::vector<std::string> paths_;
  std::vector<Seen> seen_;
};

}  // namespace holdfast
