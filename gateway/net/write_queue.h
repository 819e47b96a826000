#pragma once

#include <memory>
#include <sys/uio.h>
#include <vector>

#include "gateway/base/bytes.h"

namespace holdfast {

// Bytes waiting for a socket. The usual one or two pieces need no allocation; an empty queue owns nothing.
class WriteQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void push(Bytes piece) {
    if (piece.empty()) return;
    size_ += piece.size();
    if (first_.empty() && !more_) {
      first_ = std::move(piece);
      return;
    }
    if (!more_) more_ = std::make_unique<More>();
    more_->pieces.push_back(std::move(piece));
  }

  // Fills at most `capacity` parts; returns how many.
  size_t gather(iovec* parts, size_t capacity) const {
    size_t used = 0;
    const auto put = [&](const Bytes& piece) { parts[used++] = {const_cast<char*>(piece.data()), piece.size()}; };
    if (!first_.empty()) put(first_);
    for (size_t i = more_ ? more_->written : 0; more_ && i < more_->pieces.size() && used < capacity; ++i) put(more_->pieces[i]);
    return used;
  }

  // The first `count` bytes are written.
  void consume(size_t count) {
    size_ -= count;
    if (!first_.empty()) {
      const size_t take = count < first_.size() ? count : first_.size();
      first_.drop_front(take);
      count -= take;
      if (first_.empty()) first_ = Bytes();
    }
    while (count > 0) {
      Bytes& piece = more_->pieces[more_->written];
      const size_t take = count < piece.size() ? count : piece.size();
      piece.drop_front(take);
      count -= take;
      if (piece.empty()) {
        piece = Bytes();
        ++more_->written;
      }
    }
    if (size_ == 0) more_.reset();
  }

  void clear() { *this = WriteQueue(); }

 private:
  struct More {
    std::vector<Bytes> pieces;
    size_t written = 0;  // pieces before this one
  };
  Bytes first_;
  std::unique_ptr<More> more_;
  size_t size_ = 0;
};

}  // namespace holdfast
