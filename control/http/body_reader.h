#pragma once

#include "control/http/connection.h"
#include "control/http/handler.h"
#include "control/http/request_guard.h"

namespace holdfast::control {

// Reads the body that a checked head announces, strictly (RFC 9112 section 7.1): sizes are hexadecimal digits only, lines end in CRLF,
// extensions and trailers are bounded and dropped. Holds at most the limit and one read. Threads: one.
class BodyReader final : public RequestBody {
 public:
  BodyReader(Connection& connection, const GuardedHead& head, TimePoint deadline)
      : connection_(connection), head_(head), deadline_(deadline) {}

  Result<std::string> read(uint64_t limit) override;

  // Whether the connection can go on with another request: the body is read, or the rest is small enough to be thrown away.
  bool reusable() const;
  // Whether nothing of the body is still to come.
  bool finished() const { return whole_ || (!head_.chunked && head_.length.value_or(0) == 0); }
  // Throws away what nobody read. False: the peer did not send it.
  bool skip_rest();

 private:
  Result<void> take(uint64_t count, std::string& body);
  Result<std::string> read_chunks(uint64_t limit);
  Result<std::string> take_line();
  Result<void> take_trailer();
  Result<void> more();

  Connection& connection_;
  const GuardedHead& head_;
  const TimePoint deadline_;
  bool asked_ = false;
  bool whole_ = false;
};

}  // namespace holdfast::control
