#pragma once

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
    if (first_.empty() && more_.empty()) {
      first_ = std::move(piece);
    } else {
      more_.push_back(std::move(piece));
    }
  }

  // Fills at most `capacity` parts; returns how many.
  size_t gather(iovec* parts, size_t capacity) const {
    size_t used = 0;
    const auto put = [&](const Bytes& piece) { parts[used++] = {const_cast<char*>(piece.data()), piece.size()}; };
    if (!first_.empty()) put(first_);
    for (size_t i = head_; i < more_.size() && used < capacity; ++i) put(more_[i]);
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
      Bytes& piece = more_[head_];
      const size_t take = count < piece.size() ? count : piece.size();
      piece.drop_front(take);
      count -= take;
      if (piece.empty()) more_[head_++] = Bytes();
    }
    if (size_ == 0) {
      std::vector<Bytes>().swap(more_);
      head_ = 0;
    }
  }

  void clear() { *this = WriteQueue(); }

 private:
  Bytes first_;
  std::vector<Bytes> more_;
  uint32_t head_ = 0;  // of more_: those before are written
  size_t size_ = 0;
};

}  // namespace holdfast
