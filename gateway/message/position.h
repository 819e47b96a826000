#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Where a message stands in its channel. Same epoch: offsets are comparable; different epochs never are: history was lost between.
// Offsets begin at 1; offset 0 is "before the first". Epoch 0 means "no position" and equals nothing a broker hands out.
struct Position {
  uint64_t epoch = 0;
  uint64_t offset = 0;

  bool known() const { return epoch != 0; }
  bool operator==(const Position&) const = default;
};

// The client's form: "h1." + base64url of, per channel: 4 bytes of channel hash, 8 bytes of epoch (big endian), varint offset.
// A token names the channels it is for by hash and order, so that a token of another set of channels is not taken for this one.
struct ChannelPosition {
  std::string_view channel;
  Position position;
};
std::string format_token(const std::vector<ChannelPosition>& positions);
// Positions in the order of `channels`; nullopt if the text is no token or is of other channels.
std::optional<std::vector<Position>> parse_token(std::string_view token, const std::vector<std::string_view>& channels);

}  // namespace holdfast
