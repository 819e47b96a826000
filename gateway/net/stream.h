#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "gateway/base/bytes.h"
#include "gateway/base/result.h"

struct iovec;

namespace holdfast {

class Loop;
class TlsContext;

// Told that a stream is ready.
class StreamUser {
 public:
  virtual void on_stream_readable() = 0;
  virtual void on_stream_writable() = 0;

 protected:
  ~StreamUser() = default;
};

// A non-blocking byte stream over a socket, plain or TLS: readiness waits plus direct system calls, no buffers of its own.
// Used by the server side and by upstream. Threads: its loop.
class Stream {
 public:
  virtual ~Stream() = default;  // closes

  enum class Io { done, again, closed, error };
  struct Outcome {
    Io io = Io::again;
    size_t count = 0;
  };
  // At most `size` bytes. `closed`: the peer sent its end.
  virtual Outcome read(char* into, size_t size) = 0;
  virtual Outcome write(const iovec* parts, size_t count) = 0;

  // One wait of each kind may be pending, both of the same user, who is told once of each. Destroying the stream drops both.
  virtual void wait_readable(StreamUser& user) = 0;
  virtual void wait_writable(StreamUser& user) = 0;

  // Says goodbye: TLS close_notify and the end of our side; what was written is still delivered.
  virtual void shutdown_send() = 0;
  // The peer sees a reset instead of an orderly end.
  virtual void reset() = 0;
};

// Takes over a connected (or connecting) non-blocking socket. `wait_writable` on a connecting one tells when it is decided.
std::unique_ptr<Stream> make_stream(Loop& loop, int socket);

// TLS over such a socket. The handshake runs by itself with the first waits: a wait is over when the handshake allows reading or writing,
// or failed: then read() and write() say error.
std::unique_ptr<Stream> make_tls_server_stream(Loop& loop, int socket, const TlsContext& context);
// `server_name`: SNI and, if `verify`, the name or address that the certificate must be for.
std::unique_ptr<Stream> make_tls_client_stream(Loop& loop, int socket, const TlsContext& context, const std::string& server_name,
                                               bool verify);

// Certificates and settings: TLS 1.2 and 1.3, no renegotiation, no compression. Immutable; shared by loops.
struct TlsServerCertificate {
  std::string cert_file;  // PEM, the chain
  std::string key_file;   // PEM
};
class TlsContext {
 public:
  // One or more certificates; the first whose names match the client's SNI is used, else the first. ALPN: http/1.1.
  static Result<std::shared_ptr<const TlsContext>> server(const std::vector<TlsServerCertificate>& certificates);
  // `ca_file` empty: the system's. Client certificate optional.
  static Result<std::shared_ptr<const TlsContext>> client(const std::string& ca_file, const std::string& cert_file,
                                                          const std::string& key_file);
  ~TlsContext();

  struct State;
  const std::shared_ptr<State>& state() const { return state_; }

 private:
  TlsContext();
  std::shared_ptr<State> state_;
};

}  // namespace holdfast
