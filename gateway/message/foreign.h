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

// What raw bytes become in each format; the first {} stands for them.
struct ForeignTemplates {
  std::string stream = "{}";
  std::string response = "{}";
  std::string message = "{}";
};

// The item that it stands for on this channel. Raw bytes become every format: a stream's content, the body of a response, a WebSocket
// message (text if they are UTF-8, else binary). Errors: invalid, too_large.
Result<Item> foreign_item(Wire wire, std::string_view bytes, std::string channel, const ForeignTemplates& templates = {});

// Which channels are fed by such producers, by prefix. The longest wins. Threads: any, once made.
class ForeignChannels {
 public:
  ForeignChannels() = default;
  // "PREFIX=raw" or "PREFIX=item-json" each. Errors: invalid, naming the entry.
  static Result<ForeignChannels> make(const std::vector<std::string>& entries, const std::string& stream_template);
  // "PREFIX FORMAT=TEMPLATE" each, of an entry with raw: instead of the bytes as they are, and in streams of `stream_template`. FORMAT is
  // http-stream, http-response or ws-message. Errors: invalid, naming the entry.
  Result<void> use(const std::vector<std::string>& templates);

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
    ForeignTemplates templates;
    std::vector<std::string> own;  // formats whose template is this entry's
  };
  Result<void> use(const std::string& text);
  const Rule* find(std::string_view channel) const;
  std::vector<Rule> rules_;  // longest prefix first
};

}  // namespace holdfast
