#include "gateway/base/result.h"

namespace holdfast {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::too_large:
      return "too_large";
    case ErrorKind::denied:
      return "denied";
    case ErrorKind::exhausted:
      return "exhausted";
    case ErrorKind::internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace holdfast
