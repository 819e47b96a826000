#pragma once

#include <cstdio>

#include "gateway/base/bytes.h"

namespace holdfast {

// One piece of body content together with its wire shapes, each made once, on first use, and shared by all listeners of a loop
// ("bytes are made once"). Threads: belongs to one loop.
class Rendering {
 public:
  explicit Rendering(Bytes content) : content_(std::move(content)) {}

  const Bytes& content() const { return content_; }

  // The content as one HTTP/1.1 chunk. Empty content has no chunk (an empty chunk would end the body).
  const Bytes& chunk() const {
    if (chunk_.empty() && !content_.empty()) {
      char head[24];
      const int length = std::snprintf(head, sizeof head, "%zx\r\n", content_.size());
      std::string text;
      text.reserve(static_cast<size_t>(length) + content_.size() + 2);
      text.append(head, static_cast<size_t>(length)).append(content_.view()).append("\r\n");
      chunk_ = Bytes(std::move(text));
    }
    return chunk_;
  }

 private:
  Bytes content_;
  mutable Bytes chunk_;
};

}  // namespace holdfast
