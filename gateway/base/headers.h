#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/text.h"

namespace holdfast {

// HTTP header fields in order, names compared without regard to case. Few fields per message: a vector beats a map.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  // Replaces every field of this name by one at the place of the first (or adds it).
  void set(std::string_view name, std::string_view value);
  size_t remove(std::string_view name);  // how many went
  template <class Predicate>
  size_t remove_if(Predicate predicate) {
    return std::erase_if(fields_, [&](const Field& field) { return predicate(field); });
  }

  bool has(std::string_view name) const { return find(name) != nullptr; }
  const std::string* find(std::string_view name) const;  // the first, or null
  std::string_view get(std::string_view name) const;     // the first, or ""
  std::vector<std::string_view> all(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  void clear() { fields_.clear(); }
  void reserve(size_t count) { fields_.reserve(count); }

  bool operator==(const Headers&) const = default;

 private:
  std::vector<Field> fields_;
};

// The standard reason phrase, or "" if there is none.
std::string_view reason_phrase(int status);

}  // namespace holdfast
