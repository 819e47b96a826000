#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

// OpenSSL's, so that its headers stay in redis_tls.cpp.
struct ssl_ctx_st;
struct ssl_st;
struct bio_st;

namespace holdfast {

struct RedisOptions;

// What all TLS connections of the adapter have in common: whom they trust and who they are. Immutable.
class RedisTls {
 public:
  // Null: `options` want no TLS. Reads the files, so a renewed certificate needs no restart. Errors: unavailable, which file and why.
  static Result<std::shared_ptr<const RedisTls>> make(const RedisOptions& options);

 private:
  friend class RedisTlsSession;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
  std::string server_name_;
};

// TLS of one connection, without the socket: bytes in, bytes out. The certificate must be of a trusted authority and for the host.
class RedisTlsSession {
 public:
  RedisTlsSession(const RedisTls& tls, const std::string& host);

  bool is_ready() const { return ready_; }  // the handshake is done
  // To be sent to the server; kept until the handshake is done.
  void write(std::string_view plain);
  using Plain = std::function<Result<void>(std::string_view)>;
  // Bytes from the socket; what they hold is given to `plain`. Errors: unavailable (the certificate, the protocol), and those of `plain`.
  Result<void> feed(std::string_view cipher, const Plain& plain);
  // Appends what the socket is to be given.
  void take(std::string& cipher);

 private:
  Result<void> shake_hands();

  struct Free {
    void operator()(ssl_st* session) const;
  };
  std::unique_ptr<ssl_st, Free> session_;
  bio_st* in_ = nullptr;  // the session's
  bio_st* out_ = nullptr;
  bool ready_ = false;
  std::string waiting_;
};

}  // namespace holdfast
