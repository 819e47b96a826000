#pragma once

#include <chrono>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace holdfast {

// What went wrong, in few kinds that a caller can act on; the text is for people.
enum class ErrorKind {
  invalid,      // the input is wrong: the caller must change it
  not_found,    // the named thing does not exist
  unavailable,  // try again later: a peer is down, a queue is full
  timeout,      // a peer did not answer in time
  too_large,    // a limit was passed
  denied,       // not allowed
  exhausted,    // the caller has used up what it may do in a time: later
  internal,     // a defect or a resource of this machine
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string text;
  std::chrono::milliseconds retry_after{0};  // when trying again may help; 0: not known
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string text) { return tl::unexpected<Error>(Error{kind, std::move(text)}); }
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> invalid(std::string text) { return fail(ErrorKind::invalid, std::move(text)); }

// "invalid", "not_found", ...: for logs and metric labels.
const char* to_string(ErrorKind kind);

}  // namespace holdfast
