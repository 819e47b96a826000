#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/broker/broker.h"

namespace holdfast::mesh {

// What nodes of a ZeroMQ mesh say to each other.
//
// Down, from a node's XPUB: [topic][content].
//   'c' size channel   a publication: epoch, offset, previous epoch and offset, time, envelope
//   'h'                heartbeat: session, number, whether the node leaves, and (channel, epoch, offset) of what was published lately
//   'p' session n      the answer to a subscription of that topic: session. Subscriptions are taken in order, so whoever asked for 'p'
//   after
//                      'c' knows that 'c' counts
//   'r' session        answers to the requests of the node with that session: request id, then what the request asks for
// Up, from a node's XSUB, one frame: subscriptions (1 and a topic; 0 takes it back), or
//   kPublish session id channel key envelope    -> Status, epoch, offset
//   kRead session id channel epoch offset limit -> Status, continuous, top, count, publications
//   kAdopt session id channel epoch offset whole age count publications   the channel is the receiver's from now on; no answer
//   kKey session id key epoch offset            an idempotency key of such a channel; no answer
//   kDone session id                            all were handed over; no answer
//   kPing session id                            somebody listens; no answer
// Numbers are little endian; texts have their size before them.

enum class Request : uint8_t { publish = 2, read = 3, adopt = 4, ping = 5, key = 6, done = 7 };
// `elsewhere`: the node does not think that it owns the channel, or waits for it to be handed over. Ask again, whoever owns it then.
enum class Status : uint8_t { published = 0, duplicate = 1, too_large = 2, elsewhere = 3 };

class Writer {
 public:
  Writer& u8(uint8_t value) {
    out_.push_back(static_cast<char>(value));
    return *this;
  }
  Writer& u64(uint64_t value) {
    for (int i = 0; i < 8; ++i) out_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  Writer& text(std::string_view value) {
    u64(value.size());
    out_ += value;
    return *this;
  }
  Writer& position(Position value) { return u64(value.epoch).u64(value.offset); }
  Writer& publication(const Publication& value);
  std::string take() { return std::move(out_); }
  const std::string& view() const { return out_; }

 private:
  std::string out_;
};

// Reads what a Writer wrote. Whatever the bytes are: past their end everything is zero or empty, and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  uint8_t u8();
  uint64_t u64();
  std::string_view text();
  Position position() {
    const uint64_t epoch = u64();
    return {epoch, u64()};
  }
  PublicationPtr publication(std::string channel);
  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }

 private:
  std::string_view in_;
  bool ok_ = true;
};

std::string channel_topic(std::string_view channel);
std::optional<std::string_view> channel_of(std::string_view topic);  // nullopt: it is no channel's
std::string probe_topic(uint64_t session, uint64_t number);
std::string reply_topic(uint64_t session);
inline constexpr std::string_view kHeartbeatTopic = "h";

}  // namespace holdfast::mesh
