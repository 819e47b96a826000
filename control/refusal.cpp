#include "control/refusal.h"

namespace holdfast::control {
namespace {

constexpr size_t kNamedItems = 10;  // so that an answer stays readable when a thousand items are refused

// An item that this broker will never take is the publisher's to change; anything else may be tried again.
bool hopeless(ErrorKind kind) { return kind == ErrorKind::invalid || kind == ErrorKind::too_large || kind == ErrorKind::denied; }

}  // namespace

std::optional<Refusal> refusal_of(const Service::Receipts& receipts) {
  // A caller's rate is held against the request as a whole.
  if (!receipts.empty() && !receipts.front() && receipts.front().error().kind == ErrorKind::exhausted) {
    Error error = receipts.front().error();
    error.text = "Not published: " + error.text;
    return Refusal{true, std::move(error)};
  }
  size_t refused = 0;
  bool retry = false, denied = false;
  std::string list;
  for (size_t i = 0; i < receipts.size(); ++i) {
    if (receipts[i]) continue;
    retry |= !hopeless(receipts[i].error().kind);
    denied |= receipts[i].error().kind == ErrorKind::denied;
    if (++refused <= kNamedItems) list += (list.empty() ? "items[" : "; items[") + std::to_string(i) + "]: " + receipts[i].error().text;
  }
  if (refused == 0) return std::nullopt;
  if (refused > kNamedItems) list += "; and " + std::to_string(refused - kNamedItems) + " more";
  const bool all = refused == receipts.size();
  return Refusal{all,
                 {retry    ? ErrorKind::unavailable
                  : denied ? ErrorKind::denied
                           : ErrorKind::invalid,
                  (all ? "Not published: " : "Published except ") + list}};
}

}  // namespace holdfast::control
