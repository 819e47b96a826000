#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

// An immutable slice of reference-counted memory. Copying shares; nothing is ever copied but by the constructors from text.
// Threads: the content may be read from any thread; one Bytes object belongs to one thread at a time.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::string text) {
    if (text.empty()) return;
    auto owner = std::make_shared<const std::string>(std::move(text));
    view_ = *owner;
    owner_ = std::move(owner);
  }
  static Bytes copy(std::string_view text) { return Bytes(std::string(text)); }
  // For text that outlives the process (literals): no owner, no count.
  static Bytes literal(std::string_view text) {
    Bytes out;
    out.view_ = text;
    return out;
  }

  std::string_view view() const { return view_; }
  const char* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  std::string str() const { return std::string(view_); }

  // A part of the same memory. Positions past the end are clamped.
  Bytes slice(size_t from, size_t count = std::string_view::npos) const {
    Bytes out;
    out.owner_ = owner_;
    out.view_ = view_.substr(from < view_.size() ? from : view_.size(), count);
    return out;
  }
  void drop_front(size_t count) { view_.remove_prefix(count < view_.size() ? count : view_.size()); }

 private:
  std::shared_ptr<const std::string> owner_;
  std::string_view view_;
};

}  // namespace holdfast
