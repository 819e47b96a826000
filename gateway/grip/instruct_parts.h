#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/headers.h"
#include "gateway/base/result.h"
#include "gateway/grip/instruct.h"

// What the two halves of parse_instruct() share. Only for this folder.
namespace holdfast::instruct {

constexpr size_t kMaxChannels = 10'000;
constexpr size_t kMaxFilters = 5;
constexpr std::chrono::seconds kMinTimeout{5};
constexpr std::chrono::seconds kMinKeepAlive{1};
constexpr uint64_t kMaxSeconds = 2'147'483'647;  // added to any time point, it does not overflow

// Below 200 stands no final response: a client that is sent 100 or 101 takes what follows for something else.
constexpr int kMinStatus = 200;
constexpr int kMaxStatus = 999;

// The half that reads Grip-* fields, and the half that reads an application/grip-instruct body. The body's word replaces the header's,
// but its channels and meta are added to the header's.
Result<void> read_headers(const Headers& headers, Instruct& out);
Result<void> read_body(std::string_view json, Instruct& out);

bool is_grip(std::string_view name);
// Fields about the connection to the backend, or about the form in which it sent the body.
bool is_hop(std::string_view name);

// Text that may stand in a line: UTF-8, no control characters.
bool is_line(std::string_view text);
// What is wrong with the channel, e.g. "has no name"; nothing if it is fine.
std::optional<std::string> fault_of(const HoldChannel& channel);
// A value as an error text shows it: in quotes, short, printable.
std::string shown(std::string_view value);

}  // namespace holdfast::instruct
