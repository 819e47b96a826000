#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast::control {

// Where a door's certificate is and whose client certificates it takes.
struct TlsFiles {
  std::string cert;       // PEM, with its chain; empty: no TLS
  std::string key;        // PEM
  std::string client_ca;  // PEM; empty: clients are asked for no certificate
  bool client_required = false;

  bool any() const { return !cert.empty() || !key.empty() || !client_ca.empty(); }
};

// One TLS connection on a socket that does not block. Threads: one at a time.
class TlsStream {
 public:
  enum class Outcome { done, want_read, want_write, closed };
  struct Io {
    Outcome outcome;
    size_t count = 0;
  };

  virtual ~TlsStream() = default;
  virtual Outcome handshake() = 0;
  virtual Io read(char* into, size_t size) = 0;
  virtual Io write(std::string_view bytes) = 0;
  virtual void close_notify() = 0;
  // What the client's verified certificate says of its owner; empty if it showed none.
  virtual std::vector<std::string> peer_names() const = 0;
};

// Makes the TLS of new connections; its files may be read again at any time. Threads: any.
class TlsAcceptor {
 public:
  explicit TlsAcceptor(TlsFiles files) : files_(std::move(files)) {}
  // TLS 1.2 or later. Errors: `invalid`, naming the file; what was read before stays in use.
  Result<void> load();
  std::unique_ptr<TlsStream> accept(int socket) const;

  struct Context;

 private:
  const TlsFiles files_;
  mutable std::mutex mutex_;
  std::shared_ptr<Context> context_;  // guarded by mutex_
};

}  // namespace holdfast::control
