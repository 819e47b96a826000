#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/message/item.h"

namespace holdfast {

// What producers that do not know Holdfast put into a queue.
enum class Wire {
  raw,        // the content, as it is
  item_json,  // an item as the HTTP API takes it, without a channel
};
std::optional<Wire> parse_wire(std::string_view word);  // "raw", "item-json"

// The item that it stands for on this channel. Raw bytes become every format: the body of a response, a WebSocket message (text if they are
// UTF-8, else binary), and a stream's content as `stream_template` says, in which {} stands for them. Errors: invalid, too_large.
Result<Item> foreign_item(Wire wire, std::string_view bytes, std::string channel, std::string_view stream_template);

// Which channels are fed by such producers, by prefix. The longest wins. Threads: any, once made.
class ForeignChannels {
 public:
  ForeignChannels() = default;
  // "PREFIX=raw" or "PREFIX=item-json" each. Errors: invalid, naming the entry.
  static Result<ForeignChannels> make(const std::vector<std::string>& entries, std::string stream_template);

  bool any() const { return !rules_.empty(); }
  bool match(std::string_view channel) const { return find(channel) != nullptr; }
  // The prefix that counts for the channel; empty and not matched are told apart by match().
  std::string_view prefix_of(std::string_view channel) const;
  std::vector<std::string> prefixes() const;
  // The envelope of what came on the channel; nullopt: it does not match, or is no item.
  std::optional<Bytes> envelope(std::string_view bytes, const std::string& channel) const;

 private:
  struct Rule {
    std::string prefix;
    Wire wire;
  };
  const Rule* find(std::string_view channel) const;
  std::vector<Rule> rules_;  // longest prefix first
  std::string stream_template_ = "{}";
};

}  // namespace holdfast
