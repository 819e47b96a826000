#pragma once

#include <string>
#include <sys/uio.h>

#include "gateway/base/bytes.h"
#include "gateway/net/http.h"
#include "gateway/net/write_queue.h"

namespace holdfast {

// What one request still has to write: its head and the pieces of its body, framed. It belongs to the call, not to a connection: as long as
// nothing was taken, another connection can be given the same. Threads: its loop.
class Outgoing {
 public:
  // `head.method` is not looked at. `upgrade`: the protocol that is asked for, or empty.
  Outgoing(std::string_view method, const RequestHead& head, BodyFraming body, std::string_view upgrade = {});

  // False if a line break hides in the head: it must not be sent.
  bool well_formed() const { return well_formed_; }
  // False if the body ended short of its announced length. What goes past the length is dropped.
  bool push(Bytes piece, bool last);
  // The protocol was switched: what is pushed from now on is sent as it is.
  void open_tunnel();
  // Nothing more will be pushed.
  bool whole() const { return whole_; }

  bool empty() const { return size() == 0; }
  size_t size() const { return head_.size() - head_sent_ + body_.size(); }
  size_t gather(iovec* parts, size_t capacity) const;
  void consume(size_t count);
  void clear();

 private:
  void push_chunk(Bytes piece);

  std::string head_;
  size_t head_sent_ = 0;
  WriteQueue body_;
  uint64_t left_ = 0;  // of a length
  Framing framing_;
  bool whole_ = false;
  bool well_formed_ = true;
};

}  // namespace holdfast
