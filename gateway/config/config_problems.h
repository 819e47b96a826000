#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace holdfast {

// Everything wrong with a configuration, so that one run of check-config shows all of it.
class ConfigProblems {
 public:
  // A file of nothing but mistakes must not fill memory with their descriptions.
  static constexpr size_t kMostKept = 100;

  void add(std::string problem) {
    if (!full()) texts_.push_back(std::move(problem));
    ++count_;
  }
  // Then add() only counts, and making a good text is a waste.
  bool full() const { return texts_.size() == kMostKept; }
  bool empty() const { return count_ == 0; }
  // In order; a last line tells how many more there were.
  std::vector<std::string> texts() const {
    auto out = texts_;
    if (count_ > texts_.size()) out.push_back("and " + std::to_string(count_ - texts_.size()) + " more");
    return out;
  }

 private:
  std::vector<std::string> texts_;
  size_t count_ = 0;
};

}  // namespace holdfast
