#pragma once

#include <memory>

#include <openssl/ssl.h>

#include "gateway/net/loop.h"
#include "gateway/net/stream.h"

namespace holdfast {

// What plain and TLS streams share: the descriptor, its readiness flags and the two pending waits.
class SocketStream : public Stream, public Watch {
 public:
  SocketStream(Loop& loop, int fd);
  ~SocketStream() override;

  void wait_readable(StreamUser& user) final;
  void wait_writable(StreamUser& user) final;
  void reset() final;
  void on_events(uint32_t events) final;

 protected:
  // TLS: drives the handshake. True when waits may be told.
  virtual bool established() { return true; }

  Loop& loop_;
  const int fd_;
  // Edges seen and not used up by an EAGAIN (or, for plain reads, by a short read).
  bool readable_ : 1 = false;
  bool writable_ : 1 = false;
  bool ended_ : 1 = false;  // the peer's end or an error is among what is readable: a short read does not use it up

 private:
  void tell();
  void nudge();

  bool nudged_ : 1 = false;
  bool waits_readable_ : 1 = false;
  bool waits_writable_ : 1 = false;
  StreamUser* user_ = nullptr;
};

struct TlsContext::State {
  struct Certificate {
    std::shared_ptr<SSL_CTX> context;
  };
  std::vector<Certificate> certificates;
};

}  // namespace holdfast
