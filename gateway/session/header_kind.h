#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast {

// What forwarding does with a header is told by its name alone.
enum class HeaderKind : uint8_t {
  other,        // forwarded as it is
  hop,          // speaks of one connection only, either way
  request_hop,  // the same, in requests only
  host,
  grip,    // Grip-*
  marked,  // eb9bf0f5-*: the copy of a header as the client sent it
  forwarded_for,
  forwarded_proto,  // X-Forwarded-Proto and its old spelling X-Forwarded-Protocol
  cdn_loop,
  route,  // Pushpin-Route
};

inline constexpr std::string_view kMark = "eb9bf0f5-";

// '_' counts as '-' here: backends behind CGI-like interfaces cannot tell Grip_Sig from Grip-Sig.
HeaderKind header_kind(std::string_view name);
bool same_header(std::string_view a, std::string_view b);

}  // namespace holdfast
